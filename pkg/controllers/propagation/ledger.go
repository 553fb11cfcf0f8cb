package propagation

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// objectKey names a federated object: kind is the name of its FederatedTypeConfig.
type objectKey struct {
	kind string
	types.NamespacedName
}

// ledger keeps what is not in the status of an object yet: results of requests
// that are not written, and which requests are under way. An object in a steady
// state has no record. Losing the ledger loses nothing but the spared requests.
type ledger struct {
	mu      sync.Mutex
	records map[objectKey]*account
}

type account struct {
	uid types.UID
	// written is our last write of the object, until the informer has it.
	written *typesv1beta1.FederatedObject
	copies  map[string]*copyRecord
	// open counts the copies that are not settled.
	open int
	// since is when the work on this generation began.
	since time.Time
	// due is when the status is to be written at the latest; zero if nothing is due.
	due time.Time
	// unreported is when the first result came that is not written; zero if there is
	// none.
	unreported time.Time
	// granted are the clusters whose copies may go, for the object at one generation.
	granted   sets.Set[string]
	grantedAt int64
	// left are clusters of which that was so until there was no copy any more.
	left sets.Set[string]
	// dropping are clusters that a write under way takes out of the status.
	dropping sets.Set[string]
	// rendering of the object, nil if it was not needed yet.
	rendering *rendering
}

// copyRecord is what is kept of the copy in one cluster.
type copyRecord struct {
	// result of the last request, if known.
	result result
	known  bool
	// settled says that there is something to report about this generation.
	settled bool
	// outstanding says that a task is in the queue of the member, at work or
	// backing off; it was asked for at generation.
	outstanding bool
	generation  int64
	// asked is when the task was asked for.
	asked time.Time
	// busy counts requests in flight.
	busy int
	// number changes with every change of the record.
	number int
}

// isGone says that a request showed, for obj as it is now, that there is no copy
// any more.
func (c *copyRecord) isGone(obj *typesv1beta1.FederatedObject) bool {
	return c.known && c.result.gone && c.result.generation == obj.Generation
}

func newLedger() *ledger {
	return &ledger{records: map[objectKey]*account{}}
}

// of returns the record of an object, made anew if it was about another one of
// the same name. l.mu is held.
func (l *ledger) of(key objectKey, uid types.UID) *account {
	r := l.records[key]
	if r == nil || r.uid != uid {
		r = &account{uid: uid, copies: map[string]*copyRecord{}}
		l.records[key] = r
	}
	return r
}

func (r *account) copy(cluster string) *copyRecord {
	c := r.copies[cluster]
	if c == nil {
		c = &copyRecord{}
		r.copies[cluster] = c
		r.open++
	}
	c.number++
	return c
}

// settle says of a copy whether it is settled.
func (r *account) settle(c *copyRecord, settled bool) {
	switch {
	case c.settled && !settled:
		r.open++
	case !c.settled && settled:
		r.open--
	}
	c.settled = settled
}

// remove forgets a copy.
func (r *account) remove(cluster string) {
	if c := r.copies[cluster]; c != nil {
		r.settle(c, true)
		delete(r.copies, cluster)
	}
}

// tidy forgets a record in which nothing is left. l.mu is held.
func (l *ledger) tidy(key objectKey) {
	if r := l.records[key]; r != nil && r.written == nil && len(r.copies) == 0 && len(r.dropping) == 0 && len(r.granted) == 0 && len(r.left) == 0 && r.due.IsZero() {
		delete(l.records, key)
	}
}

// current returns the newer one of the object in the cache, as read reads it, and
// our last write; nil if there is none in the cache.
//
// The cache is read after our last write is known to be there or not: the other
// way round, a write that the informer delivers in between is in neither.
func (l *ledger) current(key objectKey, read func() *typesv1beta1.FederatedObject) *typesv1beta1.FederatedObject {
	l.mu.Lock()
	defer l.mu.Unlock()
	cached := read()
	r := l.records[key]
	if cached == nil || r == nil || r.written == nil {
		return cached
	}
	if r.uid != cached.UID || !isNewer(r.written, cached) {
		r.written = nil
		l.tidy(key)
		return cached
	}
	return r.written
}

func isNewer(a, b *typesv1beta1.FederatedObject) bool {
	order, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && order > 0
}

// wrote keeps obj as the newest version of the object.
func (l *ledger) wrote(key objectKey, obj *typesv1beta1.FederatedObject) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(key, obj.UID)
	r.written = obj
	for cluster := range r.left {
		if recordedCluster(obj, cluster) == nil {
			r.left.Delete(cluster)
		}
	}
}

// delivered tells that the informer has obj, and reports whether that is our own
// write.
func (l *ledger) delivered(key objectKey, obj *typesv1beta1.FederatedObject) (own bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	if r == nil || r.written == nil || r.uid != obj.UID {
		return false
	}
	own = r.written.ResourceVersion == obj.ResourceVersion
	if own || !isNewer(r.written, obj) {
		r.written = nil
		l.tidy(key)
	}
	return own
}

// forget drops what is known of an object that does not exist any more.
func (l *ledger) forget(key objectKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.records, key)
}

// forgetKind drops what is known of all objects of a kind.
func (l *ledger) forgetKind(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.records {
		if key.kind == kind {
			delete(l.records, key)
		}
	}
}

// forgetCluster drops what is known of all copies in a cluster: its tasks went
// with its queue.
func (l *ledger) forgetCluster(cluster string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, r := range l.records {
		r.remove(cluster)
		l.tidy(key)
	}
}

// get returns what is kept of a copy.
func (l *ledger) get(key objectKey, uid types.UID, cluster string) (copyRecord, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[key]; r != nil && r.uid == uid {
		if c := r.copies[cluster]; c != nil {
			return *c, true
		}
	}
	return copyRecord{}, false
}

// has says whether there is anything about a copy that the status does not say.
func (l *ledger) has(key objectKey, cluster string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	return r != nil && r.copies[cluster] != nil
}

// knows says whether there is anything about a copy that the cache may not have:
// has, or our last write of the object.
func (l *ledger) knows(key objectKey, cluster string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	return r != nil && (r.copies[cluster] != nil || r.written != nil && recordedCluster(r.written, cluster) != nil)
}

// request notes that a copy needs a request, and reports whether a task is to be
// queued for it: not if one is outstanding already for this generation.
func (l *ledger) request(key objectKey, obj *typesv1beta1.FederatedObject, cluster string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(key, obj.UID)
	c := r.copy(cluster)
	queue := !c.outstanding || c.generation != obj.Generation
	if queue {
		r.settle(c, false)
		c.asked = now
	}
	c.outstanding, c.generation = true, obj.Generation
	return queue
}

// wait notes that a copy waits for an event.
func (l *ledger) wait(key objectKey, uid types.UID, cluster string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(key, uid)
	r.settle(r.copy(cluster), false)
}

// settle forgets a copy about which the status will say all there is.
func (l *ledger) settle(key objectKey, cluster string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	if r == nil || r.copies[cluster] == nil {
		return
	}
	if c := r.copies[cluster]; c.outstanding || c.busy > 0 || c.known {
		r.settle(c, true)
		return
	}
	r.remove(cluster)
	l.tidy(key)
}

// finish notes how a task ended: with a result or none, settled or not, to be
// tried again or not. It reports whether all that is known of the object is
// settled. Where nothing is known, no result is nothing to note.
func (l *ledger) finish(key objectKey, uid types.UID, cluster string, res *result, settled, again bool) (all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[key]; res == nil && !again && (r == nil || r.uid != uid || r.copies[cluster] == nil) {
		return r == nil || r.open == 0
	}
	r := l.of(key, uid)
	c := r.copy(cluster)
	c.outstanding = again
	r.settle(c, settled)
	if res != nil {
		c.result, c.known = *res, true
	}
	return r.open == 0
}

// number of the record of a copy, 0 if there is none.
func (l *ledger) number(key objectKey, uid types.UID, cluster string) int {
	noted, _ := l.get(key, uid, cluster)
	return noted.number
}

// idle notes that a task had nothing to do and found nothing new. The record had a
// number when it began: if it has another one, what was asked for since was not
// queued, as this task was outstanding, and may be something else than it saw.
func (l *ledger) idle(key objectKey, uid types.UID, cluster string, began int) (all, asked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[key]
	if r == nil || r.uid != uid || r.copies[cluster] == nil {
		return false, false
	}
	asked = r.copies[cluster].number != began
	c := r.copy(cluster)
	c.outstanding = false
	r.settle(c, true)
	if !c.known {
		r.remove(cluster)
	}
	l.tidy(key)
	return r.open == 0, asked
}

// begin claims a copy for a request, unless its cluster is just being taken out
// of the status. end gives it back.
func (l *ledger) begin(key objectKey, uid types.UID, cluster string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(key, uid)
	if r.dropping.Has(cluster) {
		return false
	}
	r.copy(cluster).busy++
	return true
}

func (l *ledger) end(key objectKey, uid types.UID, cluster string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[key]; r != nil && r.uid == uid && r.copies[cluster] != nil && r.copies[cluster].busy > 0 {
		r.copies[cluster].busy--
	}
}

// drop claims clusters to take them out of the status, unless a request to one of
// them is under way. dropped gives them back.
func (l *ledger) drop(key objectKey, uid types.UID, clusters []string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(key, uid)
	for _, cluster := range clusters {
		if c := r.copies[cluster]; c != nil && c.busy > 0 {
			return false
		}
	}
	r.dropping = sets.New(clusters...)
	return true
}

func (l *ledger) dropped(key objectKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[key]; r != nil {
		r.dropping = nil
		l.tidy(key)
	}
}
