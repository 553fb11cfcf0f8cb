package propagation

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// task is a copy that a member worker works on.
type task struct {
	k      *kind
	key    objectKey
	obj    *typesv1beta1.FederatedObject
	v      *copyView
	member Member
	copies Copies
}

func (t *task) name() types.NamespacedName { return t.k.inMember(t.key.NamespacedName) }

type retry int

const (
	retryNever retry = iota
	retryBackoff
	retryAfter
)

// outcome is how a request ended.
type outcome struct {
	// result, nil if there is none to report.
	result *result
	// settled says that the result is to be reported without waiting for more.
	settled bool
	retry   retry
	after   time.Duration
	// err for the log.
	err error
}

// isDone says that the copy is as asked for now.
func (o outcome) isDone() bool {
	return o.err == nil && o.settled && o.result != nil && (o.result.gone || o.result.status == typesv1beta1.ClusterPropagationOK)
}

// done is the outcome of a request that was carried out.
func (t *task) done(r result) outcome {
	r.generation = t.obj.Generation
	if r.copy.health == "" {
		r.copy = t.v.observation()
	}
	return outcome{result: &r, settled: true}
}

// failed is the outcome of a request that was not.
func (t *task) failed(op operation, err error) outcome {
	r := failure(op, err)
	r.generation, r.copy = t.obj.Generation, t.v.observation()
	o := outcome{result: &r, settled: !isBusy(err), retry: retryBackoff, err: err}
	var held *members.HeldError
	if errors.As(err, &held) {
		o.retry = retryNever // its end is an event
	}
	var notReady *members.NotReadyError
	if errors.As(err, &notReady) {
		o.retry, o.after = retryNever, notReady.RetryAfter // its readiness is an event
		if o.after > 0 {
			o.retry = retryAfter
		}
	}
	return o
}

// isBusy says that a member has too much to do: it says so before it does anything,
// and is asked again soon.
func isBusy(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err)
}

// undecided is the outcome of a task that has to begin anew.
func undecided(err error) outcome {
	return outcome{retry: retryBackoff, err: err}
}

// request carries out what a copy needs.
func (w *memberWorker) request(ctx context.Context, t *task, action action) outcome {
	ctx, cancel := context.WithTimeout(ctx, w.c.config.RequestTimeout)
	defer cancel()
	if change := t.obj.Status.LastChange; change != nil {
		ctx = members.WithAuditID(ctx, change.AuditID)
	}
	defer func(began time.Time, action string) {
		dispatchSeconds.WithLabelValues(action).Observe(w.c.now().Sub(began).Seconds())
	}(w.c.now(), actionName(action, t.v.exists))
	switch action {
	case actProbe:
		return w.probe(ctx, t)
	case actApply:
		return w.apply(ctx, t)
	case actDelete:
		return w.remove(ctx, t)
	case actUnmanage:
		return w.unmanage(ctx, t)
	default:
		return w.confirmGone(ctx, t)
	}
}

// apply makes the copy as it shall be.
func (w *memberWorker) apply(ctx context.Context, t *task) outcome {
	op := opCreate
	if t.v.exists {
		op = opUpdate
	}
	rendered, err := t.v.render()
	if err != nil {
		return undecided(err)
	}
	if appliedSame(t.v.fingerprint, rendered.Hash) {
		if delay := w.repairs.delay(t.key, w.c.now()); delay > 0 {
			r := result{generation: t.obj.Generation, status: typesv1beta1.UpdateFailed, operation: opUpdate,
				message: "the copy is changed in the cluster again and again; it is repaired ever more seldom"}
			return outcome{result: &r, settled: true, retry: retryAfter, after: delay}
		}
	}
	if retains(t.obj) && t.v.exists {
		if err := t.copies.HandOverReplicas(ctx, t.name()); err != nil {
			return t.failed(op, err)
		}
	}
	observed, err := t.copies.Apply(ctx, t.name(), rendered.JSON)
	if fields := immutableFields(err); len(fields) > 0 {
		return w.immutable(ctx, t, op, fields, err)
	}
	if err != nil {
		o := t.failed(op, err)
		if op == opCreate && isMissingNamespace(err) {
			o.settled = false
		}
		return o
	}
	return t.done(result{version: version(observed), fingerprint: fingerprint(rendered.Hash, observed), operation: op,
		copy: observationOf(observed, t.v.detail)})
}

func retains(obj *typesv1beta1.FederatedObject) bool {
	return obj.Spec.RetainReplicas != nil && *obj.Spec.RetainReplicas
}

// probe applies the copy unless the member has such an object that is not ours.
func (w *memberWorker) probe(ctx context.Context, t *task) outcome {
	live, found, err := t.copies.GetLive(ctx, t.name())
	if err != nil {
		return t.failed(opCreate, err)
	}
	if found && live.Managed != typesv1beta1.ManagedLabelValueTrue {
		host, err := w.c.isHostNamespace(ctx, t.k, t.name().Name, live.UID)
		if err != nil {
			return undecided(err)
		}
		if !host || live.Managed == typesv1beta1.ManagedLabelValueFalse {
			r := result{generation: t.obj.Generation, status: typesv1beta1.AlreadyExists, operation: opCreate,
				message: "the cluster has such an object already, and adoptResources is Disabled"}
			return outcome{result: &r, settled: true, retry: retryBackoff}
		}
	}
	return w.apply(ctx, t)
}

// mayRemove returns an outcome if the copy must not be removed (now).
func (w *memberWorker) mayRemove(ctx context.Context, t *task) *outcome {
	if !t.v.orphan && !w.c.isGranted(t.k, t.obj, w.name) {
		o := undecided(nil)
		return &o
	}
	if t.v.deleting {
		return nil
	}
	excluded, err := w.c.isExcluded(ctx, t.k, t.obj, w.name, t.v.observed.UID)
	if err != nil || !excluded {
		o := undecided(err)
		return &o
	}
	return nil
}

// remove deletes the copy.
func (w *memberWorker) remove(ctx context.Context, t *task) outcome {
	if o := w.mayRemove(ctx, t); o != nil {
		return *o
	}
	options, err := deleteOptions(t.obj)
	if err != nil {
		return undecided(err)
	}
	if wanted := options.Preconditions; wanted != nil && wanted.UID != nil && *wanted.UID != t.v.observed.UID {
		return t.failed(opDelete, fmt.Errorf("annotation %s: the precondition uid is %s, and the copy has %s",
			typesv1beta1.DeleteOptionAnnotation, *wanted.UID, t.v.observed.UID))
	}
	gone, err := t.copies.Delete(ctx, t.name(), t.v.observed.UID, options)
	var other *members.NotOursError
	switch {
	case errors.As(err, &other), apierrors.IsConflict(err):
		return undecided(err)
	case err != nil:
		return t.failed(opDelete, err)
	case gone:
		return t.done(result{gone: true, operation: opDelete})
	}
	o := t.done(result{status: typesv1beta1.WaitingForRemoval, message: "the copy is being deleted in the cluster", operation: opDelete})
	o.settled = false
	return o
}

// unmanage takes the label off the copy and leaves it.
func (w *memberWorker) unmanage(ctx context.Context, t *task) outcome {
	if o := w.mayRemove(ctx, t); o != nil {
		return *o
	}
	if err := t.copies.Unmanage(ctx, t.name()); err != nil && !apierrors.IsNotFound(err) {
		return t.failed(opUnmanage, err)
	}
	return t.done(result{gone: true, operation: opUnmanage})
}

// confirmGone asks the member for a copy that is recorded, but not observed.
func (w *memberWorker) confirmGone(ctx context.Context, t *task) outcome {
	live, found, err := t.copies.GetLive(ctx, t.name())
	var notAvailable *members.NotAvailableError
	switch {
	case errors.As(err, &notAvailable):
		found = false // where the type is not served, there is no object of it
	case err != nil:
		return t.failed(opDelete, err)
	}
	if !found {
		return t.done(result{gone: true})
	}

	t.v.state, t.v.stateErr, t.v.observed, t.v.exists = CopiesSynced, nil, live, true
	if t.v.hostNamespace, err = w.c.isHostNamespace(ctx, t.k, t.name().Name, live.UID); err != nil {
		return undecided(err)
	}
	verdict := judge(t.v)
	switch verdict.action {
	case actNone:
		if verdict.result.status == typesv1beta1.RemovalPaused {
			return undecided(nil) // it is looked at again when its member shows it
		}
		return t.done(verdict.result)
	case actDelete:
		return w.remove(ctx, t)
	case actUnmanage:
		return w.unmanage(ctx, t)
	default:
		o := t.done(verdict.result)
		o.settled, o.retry = false, retryBackoff
		return o
	}
}

// releaseLeftover takes the label off a copy whose federated object does not
// exist. Without that object there is no telling whether anybody wants it gone.
func (w *memberWorker) releaseLeftover(ctx context.Context, k *kind, key objectKey, member Member) {
	copies, name := member.Copies(k.resource, k.namespaced), k.inMember(key.NamespacedName)
	observed, exists := copies.Get(name)
	state, _ := copies.State()
	if !k.informer.HasSynced() || state != CopiesSynced || member.Held() != nil || !exists || observed.Deleting ||
		observed.Managed != typesv1beta1.ManagedLabelValueTrue ||
		k.namespaces && isProtected(name.Name, w.c.config.SystemNamespace) {
		w.queue.Forget(key)
		return
	}
	err := w.unmanageLeftover(ctx, k, key, copies, name)
	if err == nil {
		w.queue.Forget(key)
		return
	}
	if held := (*members.HeldError)(nil); errors.As(err, &held) {
		w.queue.Forget(key)
		return
	}
	if ctx.Err() == nil {
		klog.FromContext(ctx).V(2).Info("Cannot release a copy without a federated object", "err", err)
		w.queue.AddRateLimited(key)
	}
}

func (w *memberWorker) unmanageLeftover(ctx context.Context, k *kind, key objectKey, copies Copies, name types.NamespacedName) error {
	ctx, cancel := context.WithTimeout(ctx, w.c.config.RequestTimeout)
	defer cancel()
	_, err := k.source.Get(ctx, key.Namespace, key.Name)
	if err == nil {
		return nil // the cache does not have it yet; its event brings the copy back
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("look for the federated object: %w", err)
	}
	// The federated object went after what was left to do of its deletion was stored.
	named, err := w.c.removals.names(ctx, key, w.name)
	if err != nil {
		return err
	}
	if named {
		return nil // the removal brings the copy back
	}
	if err := copies.Unmanage(ctx, name); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("take the label off: %w", err)
	}
	klog.FromContext(ctx).Info("Released a copy that has no federated object")
	return nil
}
