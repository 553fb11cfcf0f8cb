package propagation

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/flowcontrol"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Rate of events about what went well, and about members that went away with all
// their copies. They are for who tries something out; in a burst the status says
// the same, and a write to the host for every object would only be in the way.
// Failures of an object itself are always told.
const (
	limitedEventsPerSecond = 1
	limitedEventsBurst     = 20
)

// announcer makes events on federated objects when their status changes: one for
// every cluster that begins to fail, in the reasons of KubeFed, and one for all
// clusters together in which the same went well.
type announcer struct {
	events  record.EventRecorder
	limiter flowcontrol.PassiveRateLimiter
}

func newAnnouncer(events record.EventRecorder) *announcer {
	return &announcer{events: events, limiter: flowcontrol.NewTokenBucketPassiveRateLimiter(limitedEventsPerSecond, limitedEventsBurst)}
}

// announcement is an event to make.
type announcement struct {
	eventType, reason, message string
}

// isLimited says that there can be such an event of every object at once.
func (a announcement) isLimited() bool {
	return a.eventType == corev1.EventTypeNormal || a.reason == string(typesv1beta1.ClusterNotReady)
}

// announce tells of what is new in a status that was written.
func (c *Controller) announce(p *pass, status *typesv1beta1.FederatedObjectStatus) {
	what := fmt.Sprintf("%s %q", p.k.target.Kind, displayName(p.k.inMember(p.key.NamespacedName).Namespace, p.obj.Name))
	for _, a := range announcements(what, p.obj, status, p.results) {
		if a.isLimited() && !c.announcer.limiter.TryAccept() {
			continue
		}
		c.announcer.events.Event(p.k.reference(p.obj), a.eventType, a.reason, a.message)
	}
}

func displayName(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// announcements compares the status of obj with the next one.
func announcements(what string, obj *typesv1beta1.FederatedObject, next *typesv1beta1.FederatedObjectStatus, results map[string]result) []announcement {
	var list []announcement
	if a, ok := impedimentAnnouncement(obj, next); ok {
		list = append(list, a)
	}

	if now := findCondition(next.Conditions, typesv1beta1.RemovalPausedCondition); now != nil && condition(obj, now.Type) == nil {
		list = append(list, announcement{corev1.EventTypeWarning, now.Reason, now.Message})
	}

	before := recordedClusters(obj)
	now := map[string]*typesv1beta1.ClusterStatus{}
	for i := range next.Clusters {
		entry := &next.Clusters[i]
		now[entry.Name] = entry
		if old := before[entry.Name]; old != nil && old.Status == entry.Status && old.Message == entry.Message {
			continue
		}
		if reason, failed := failureReason(entry, results[entry.Name].operation); failed {
			list = append(list, announcement{corev1.EventTypeWarning, reason,
				fmt.Sprintf("%s in cluster %q: %s: %s", what, entry.Name, entry.Status, entry.Message)})
		}
	}

	for _, op := range []operation{opCreate, opUpdate, opDelete, opUnmanage} {
		var clusters []string
		for _, name := range sortedNames(before, now) {
			result, ok := results[name]
			if !ok || result.operation != op {
				continue
			}
			entry, old := now[name], before[name]
			written := entry != nil && entry.Status == typesv1beta1.ClusterPropagationOK && (old == nil || old.Fingerprint != entry.Fingerprint)
			removed := result.gone && entry == nil
			if written || removed {
				clusters = append(clusters, name)
			}
		}
		if len(clusters) > 0 {
			list = append(list, announcement{corev1.EventTypeNormal, string(op) + "InCluster", successMessage(op, what, clusters)})
		}
	}
	return list
}

// impedimentAnnouncement tells of a failure of the object as a whole, when it is
// new.
func impedimentAnnouncement(obj *typesv1beta1.FederatedObject, next *typesv1beta1.FederatedObjectStatus) (announcement, bool) {
	for i := range next.Conditions {
		condition := &next.Conditions[i]
		if condition.Type != typesv1beta1.PropagationCondition || condition.Reason == "" || condition.Reason == typesv1beta1.ReasonCheckClusters {
			continue
		}
		for j := range obj.Status.Conditions {
			old := &obj.Status.Conditions[j]
			if old.Type == condition.Type && old.Reason == condition.Reason && old.Message == condition.Message {
				return announcement{}, false
			}
		}
		return announcement{corev1.EventTypeWarning, condition.Reason, condition.Message}, true
	}
	return announcement{}, false
}

// failureReason returns the reason of KubeFed's events for an entry that failed.
func failureReason(entry *typesv1beta1.ClusterStatus, op operation) (string, bool) {
	switch entry.Status {
	case typesv1beta1.ClusterPropagationOK, typesv1beta1.Pending, typesv1beta1.WaitingForRemoval, typesv1beta1.RemovalPaused:
		return "", false
	case typesv1beta1.CreationFailed, typesv1beta1.UpdateFailed, typesv1beta1.DeletionFailed, typesv1beta1.LabelRemovalFailed,
		typesv1beta1.AlreadyExists:
		if op == "" {
			op = map[typesv1beta1.PropagationStatus]operation{
				typesv1beta1.CreationFailed: opCreate, typesv1beta1.UpdateFailed: opUpdate,
				typesv1beta1.DeletionFailed: opDelete, typesv1beta1.LabelRemovalFailed: opUnmanage, typesv1beta1.AlreadyExists: opCreate,
			}[entry.Status]
		}
		return string(op) + "InClusterFailed", true
	case typesv1beta1.CreationTimedOut, typesv1beta1.UpdateTimedOut, typesv1beta1.DeletionTimedOut, typesv1beta1.LabelRemovalTimedOut:
		return "OperationTimeoutError", true
	default:
		return string(entry.Status), true
	}
}

func successMessage(op operation, what string, clusters []string) string {
	done := map[operation]string{
		opCreate: "Created", opUpdate: "Updated", opDelete: "Deleted", opUnmanage: "Removed the managed label from",
	}[op]
	more := ""
	if len(clusters) > 2*namedClusters {
		more = fmt.Sprintf(" and %d more", len(clusters)-2*namedClusters)
		clusters = clusters[:2*namedClusters]
	}
	where := "cluster"
	if len(clusters) > 1 {
		where = "clusters"
	}
	return fmt.Sprintf("%s %s in %s %s%s", done, what, where, strings.Join(clusters, ", "), more)
}
