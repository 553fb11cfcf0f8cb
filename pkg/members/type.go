package members

import (
	"context"
	"errors"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// State says how far the observation of a type is.
type State string

const (
	// Syncing means that the list of the copies is not complete yet, or that the
	// member cannot be reached: then the last known copies are kept, and the error
	// of State is a NotReadyError.
	Syncing State = "Syncing"
	// Synced means that the copies are known and followed.
	Synced State = "Synced"
	// NotAvailable means that the member does not serve the resource. It is asked
	// again, ever more seldom.
	NotAvailable State = "NotAvailable"
	// Failed means that the member refuses to list or watch the resource. It is
	// asked again, ever more seldom.
	Failed State = "Failed"
)

// Type is a resource in a member.
type Type struct {
	member     *Member
	resource   schema.GroupVersionResource
	namespaced bool
	// within is the namespace that is observed; empty means all.
	within string
	ctx    context.Context
	cancel context.CancelFunc
	view   *view

	mu            sync.RWMutex
	state         State
	err           error
	hasList       bool
	address       string
	stateHandlers []func()
	detail        Detail
	// versions is what Versions returns; it is replaced as a whole.
	versions []string
	// restart ends the watch that is under way, nil if there is none.
	restart context.CancelFunc

	telling sync.Mutex
	told    State
}

func newType(m *Member, resource schema.GroupVersionResource, namespaced bool, detail Detail) *Type {
	ctx, cancel := context.WithCancel(m.ctx)
	t := &Type{
		member: m, resource: resource, namespaced: namespaced, ctx: ctx, cancel: cancel,
		view: newView(m.options.MaxObjects, m.options.MaxStatusBytes), state: Syncing, told: Syncing, detail: detail,
	}
	if namespaced && m.options.Confined != nil {
		t.within = m.options.Confined()
	}
	t.view.setDetail(detail)
	return t
}

// setDetail has more, or less, of the objects observed from now on: they are
// listed anew, and until then known as they were.
func (t *Type) setDetail(detail Detail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.detail == detail {
		return
	}
	t.detail = detail
	t.view.setDetail(detail)
	if t.restart != nil {
		t.restart()
	}
}

// Detail returns how much of the objects is observed.
func (t *Type) Detail() Detail {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.detail
}

// Member returns the member.
func (t *Type) Member() *Member { return t.member }

// Resource returns the resource that is observed.
func (t *Type) Resource() schema.GroupVersionResource { return t.resource }

// State returns how far the observation is. The error says why it is not Synced,
// where that is known: a NotReadyError, a NotAvailableError, or what the member said.
func (t *Type) State() (State, error) {
	if err := t.member.Err(); err != nil {
		return Syncing, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.state, t.err
}

// AddEventHandler calls changed for every copy that is known, and from then on
// whenever one appears, disappears or changes in a way that matters to who
// applies it: all of Observed but the resource version and the status. status is
// called when nothing but Status changed. Changes that a write through this Type
// made, as its result said, are not told again. Both must return soon.
func (t *Type) AddEventHandler(changed, status func(key types.NamespacedName)) {
	t.view.addHandler(changed, status)
	for _, key := range t.view.keys() {
		changed(key)
	}
}

// AddStateHandler calls handler whenever State changes. It must return soon.
func (t *Type) AddStateHandler(handler func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stateHandlers = append(t.stateHandlers, handler)
}

// Get returns what is known of a copy: the newer one of what was observed and of
// what this process last wrote. Copies without the label kubefed.io/managed are
// not known; GetLive asks for those. Only when State is Synced does false mean
// that there is none.
func (t *Type) Get(key types.NamespacedName) (Observed, bool) {
	return t.view.get(key)
}

// Keys returns the names of all copies that are known, in no order.
func (t *Type) Keys() []types.NamespacedName {
	return t.view.keys()
}

// Len returns the number of copies that are known.
func (t *Type) Len() int {
	return t.view.len()
}

func (t *Type) setState(state State, err error) {
	t.mu.Lock()
	t.state, t.err = state, err
	t.mu.Unlock()
	t.tellState()
}

// tellState calls the handlers when the state is not the one that they know.
func (t *Type) tellState() {
	// Who comes last looks last: what is told in the end is how it is.
	t.telling.Lock()
	state, _ := t.State()
	changed := t.told != state
	t.told = state
	t.telling.Unlock()
	t.mu.RLock()
	handlers := slices.Clone(t.stateHandlers)
	t.mu.RUnlock()
	if !changed {
		return
	}
	for _, handler := range handlers {
		handler()
	}
}

// listed says that the list is complete and followed.
func (t *Type) listed() {
	t.mu.Lock()
	t.hasList = true
	t.mu.Unlock()
	t.setState(Synced, nil)
}

// resumed says that a watch goes on where another ended.
func (t *Type) resumed() {
	t.mu.RLock()
	complete := t.hasList
	t.mu.RUnlock()
	if complete {
		t.setState(Synced, nil)
	}
}

// interrupted says that the list or the watch ended, with an error or nil. It
// returns whether the type was synced until then.
func (t *Type) interrupted(conn *connection, err error) (wasSynced bool) {
	t.mu.RLock()
	wasSynced = t.state == Synced
	t.mu.RUnlock()

	state := Syncing
	err = conn.errorOf(t.ctx, t.resource, err)
	var notAvailable *NotAvailableError
	var status apierrors.APIStatus
	var misbehaved *MisbehavedError
	var tooLarge *TooLargeError
	switch {
	case apierrors.IsNotFound(err) && !errors.As(err, &notAvailable):
		err = &NotAvailableError{Member: t.member.name, Resource: t.resource, Err: err}
		state = NotAvailable
	case errors.As(err, &notAvailable):
		state = NotAvailable
	case errors.As(err, &misbehaved), errors.As(err, &tooLarge):
		state = Failed
	case errors.As(err, &status) && !apierrors.IsResourceExpired(err) && !apierrors.IsTooManyRequests(err):
		state = Failed
	}
	if previous, _ := t.State(); previous != state && state != Syncing {
		klog.FromContext(t.ctx).Info("A resource cannot be observed in a member; will try again", "resource", t.resource, "state", state, "err", err)
	}
	t.setState(state, err)
	return wasSynced
}

// forget drops what was observed when it may have been in another cluster. From
// now on only results of requests through conn, or to the same address, are
// taken over.
func (t *Type) forget(conn *connection) {
	t.mu.Lock()
	t.hasList = false
	t.address = conn.address
	t.mu.Unlock()
	t.view.reset()
	t.setState(Syncing, nil)
}

// wrote calls merge unless conn leads elsewhere than what is observed.
func (t *Type) wrote(conn *connection, merge func()) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.address == "" || t.address == conn.address {
		merge()
	}
}
