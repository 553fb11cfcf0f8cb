package propagation

import (
	"cmp"
	"sort"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Bounds of the messages in status.clusters, in bytes: of one, and of all
// together. With very many clusters each still gets the least.
const (
	mostMessage  = 512
	leastMessage = 64
	allMessages  = 64 << 10
)

// impediment is what keeps an object as a whole from being propagated.
type impediment struct {
	// reason of the Propagation condition.
	reason string
	// message for people.
	message string
	// stalled says that only a change of the object helps.
	stalled bool
}

// report is what the next status is made of.
type report struct {
	selected sets.Set[string]
	// impediment, nil if there is none.
	impediment *impediment
	// results by cluster. A cluster without one keeps what its status says.
	results map[string]result
	// awaitsStatus says that a copy without a remoteStatus is not done.
	awaitsStatus bool
	// removal is what was decided about removals; nil to keep what the status says.
	removal *weighing
	// brevity says how short the status has to be.
	brevity brevity
	now     time.Time
}

// nextStatus returns the status of obj after a report, and whether it says
// anything else than the present one. obj is not changed.
func nextStatus(obj *typesv1beta1.FederatedObject, r *report) (*typesv1beta1.FederatedObjectStatus, bool) {
	previous := &obj.Status
	next := &typesv1beta1.FederatedObjectStatus{
		ObservedGeneration: obj.Generation,
		LastChange:         previous.LastChange,
		Clusters:           nextClusters(obj, r),
		PausedRemoval:      previous.PausedRemoval,
		ApprovedRemovals:   previous.ApprovedRemovals,
		RecentRemovals:     previous.RecentRemovals,
	}
	next.ReplicaCounts = sumOf(next.Clusters)
	if r.removal != nil {
		r.removal.enter(obj, next, r.now)
	}
	next.Conditions = nextConditions(obj, r, next.Clusters)
	next.Conditions = append(next.Conditions, pausedConditions(obj, r, next.PausedRemoval)...)
	r.brevity.shorten(next)
	if equality.Semantic.DeepEqual(previous, next) {
		return next, false
	}
	if sameButObserved(previous, next) {
		return next, true
	}
	if r.removal != nil {
		r.removal.prune(next, r.now)
	}
	for i := range next.Conditions {
		if next.Conditions[i].Type == typesv1beta1.PropagationCondition {
			next.Conditions[i].LastUpdateTime = metav1.NewTime(r.now).Rfc3339Copy()
		}
	}
	return next, true
}

// nextClusters returns the entries of status.clusters, by name.
func nextClusters(obj *typesv1beta1.FederatedObject, r *report) []typesv1beta1.ClusterStatus {
	recorded := recordedClusters(obj)
	names := sets.KeySet(recorded)
	if obj.DeletionTimestamp == nil {
		names = names.Union(r.selected)
	}
	for name, result := range r.results {
		if !result.gone {
			names.Insert(name)
		}
	}
	var entries []typesv1beta1.ClusterStatus
	for _, name := range sets.List(names) {
		if entry, keep := nextEntry(obj, r, name, recorded[name]); keep {
			entries = append(entries, entry)
		}
	}
	size := allMessages / max(1, len(entries))
	size = min(mostMessage, max(leastMessage, size))
	for i := range entries {
		entries[i].Message = truncate(entries[i].Message, size)
	}
	return entries
}

func nextEntry(obj *typesv1beta1.FederatedObject, r *report, name string, recorded *typesv1beta1.ClusterStatus) (entry typesv1beta1.ClusterStatus, keep bool) {
	if recorded != nil {
		entry = *recorded
	}
	entry.Name = name
	wanted := r.selected.Has(name) && obj.DeletionTimestamp == nil
	result, known := r.results[name]
	switch {
	case known && result.gone && !wanted:
		return entry, false
	case known && result.gone:
		// It was removed, and selected again in the meantime.
		return typesv1beta1.ClusterStatus{Name: name, Status: typesv1beta1.Pending, ObservedGeneration: obj.Generation, Health: typesv1beta1.CopyNotFound}, true
	case known:
		if result.status != typesv1beta1.ClusterPropagationOK || entry.Status != result.status {
			entry.Message = result.message
		}
		entry.Status, entry.ObservedGeneration = result.status, result.generation
		entry.Version = cmp.Or(result.version, entry.Version)
		entry.Fingerprint = cmp.Or(result.fingerprint, entry.Fingerprint)
		if result.generation < obj.Generation && result.status == typesv1beta1.ClusterPropagationOK {
			entry.Status, entry.Message, entry.ObservedGeneration = waitingStatus(wanted), "", obj.Generation
		}
		result.copy.enter(&entry)
	case recorded == nil || obj.Status.ObservedGeneration != obj.Generation || wanted == isRemoval(entry.Status):
		// What is recorded is about something else than what is asked for now.
		entry.Status, entry.Message, entry.ObservedGeneration = waitingStatus(wanted), "", obj.Generation
	}
	return entry, true
}

func waitingStatus(wanted bool) typesv1beta1.PropagationStatus {
	if wanted {
		return typesv1beta1.Pending
	}
	return typesv1beta1.WaitingForRemoval
}

// isRemoval says that a status is one of a copy that is not wanted.
func isRemoval(status typesv1beta1.PropagationStatus) bool {
	switch status {
	case typesv1beta1.WaitingForRemoval, typesv1beta1.RemovalPaused, typesv1beta1.DeletionFailed, typesv1beta1.DeletionTimedOut,
		typesv1beta1.LabelRemovalFailed, typesv1beta1.LabelRemovalTimedOut:
		return true
	}
	return false
}

// isStalled says that an entry stays as it is until somebody changes something.
func isStalled(entry *typesv1beta1.ClusterStatus) bool {
	switch entry.Status {
	case typesv1beta1.ApplyOverridesFailed, typesv1beta1.ComputeResourceFailed, typesv1beta1.RemovalPaused,
		typesv1beta1.AlreadyExists, typesv1beta1.ManagedLabelFalse, typesv1beta1.RecoveryPending, typesv1beta1.NotOwner:
		return true
	case typesv1beta1.CreationFailed, typesv1beta1.UpdateFailed, typesv1beta1.DeletionFailed:
		return strings.HasPrefix(entry.Message, refused)
	}
	return false
}

// isUnderWay says that an entry changes without anybody's doing.
func isUnderWay(entry *typesv1beta1.ClusterStatus) bool {
	return entry.Status == typesv1beta1.Pending || entry.Status == typesv1beta1.WaitingForRemoval
}

// recordedClusters returns the entries of status.clusters by name.
func recordedClusters(obj *typesv1beta1.FederatedObject) map[string]*typesv1beta1.ClusterStatus {
	recorded := make(map[string]*typesv1beta1.ClusterStatus, len(obj.Status.Clusters))
	for i := range obj.Status.Clusters {
		recorded[obj.Status.Clusters[i].Name] = &obj.Status.Clusters[i]
	}
	return recorded
}

// recordedCluster returns the entry of one cluster, nil if there is none. Entries
// are in the order of names unless somebody else wrote them: only then is each
// looked at.
func recordedCluster(obj *typesv1beta1.FederatedObject, cluster string) *typesv1beta1.ClusterStatus {
	entries := obj.Status.Clusters
	if i, found := sort.Find(len(entries), func(i int) int { return cmp.Compare(cluster, entries[i].Name) }); found {
		return &entries[i]
	}
	for i := range entries {
		if entries[i].Name == cluster {
			return &entries[i]
		}
	}
	return nil
}

// sortedNames returns the clusters that have an entry before or now.
func sortedNames(before, now map[string]*typesv1beta1.ClusterStatus) []string {
	return sets.List(sets.KeySet(before).Union(sets.KeySet(now)))
}
