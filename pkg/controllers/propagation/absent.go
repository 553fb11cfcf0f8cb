package propagation

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// absentCopy is a copy, as far as is known, in a member that is not ready.
type absentCopy struct {
	cluster string
	// uid of the copy, empty if it is not known.
	uid types.UID
	// until is when the deletion waits for it no longer, zero if it waits for ever.
	until time.Time
}

// absence returns the copy that a deletion cannot remove because its member is not
// ready, nil if that is not all that keeps it: what is to be approved first is not
// set aside before it is.
func (v *copyView) absence(cluster string, r *result) *absentCopy {
	if !v.deleting || !v.registered || v.ready || !v.granted || r.gone {
		return nil
	}
	absent := &absentCopy{cluster: cluster, until: v.until}
	if v.exists {
		absent.uid = v.observed.UID
	}
	return absent
}

// release lets an object go that is being deleted, when no member that is ready has
// a copy of it: at once if no other has one either, and else when these have not
// been ready for long enough. What is to be removed there is stored before. It
// reports whether the object was let go.
func (p *pass) release(ctx context.Context) (bool, error) {
	if len(p.absent) > 0 {
		until := time.Time{}
		for _, absent := range p.absent {
			if absent.until.IsZero() {
				return false, nil
			}
			if absent.until.After(until) {
				until = absent.until
			}
		}
		if rest := until.Sub(p.c.now()); rest > 0 {
			p.c.objects.AddAfter(p.key, rest)
			return false, nil
		}
		if !p.c.pacer.take(p.key) {
			return false, nil // it is looked at again when it is its turn
		}
		if err := p.setAside(ctx); err != nil {
			return false, err
		}
	}
	if err := p.k.source.RemoveFinalizer(ctx, p.obj, typesv1beta1.SyncFinalizer); err != nil {
		return false, fmt.Errorf("release a deleted object: %w", err)
	}
	return true, nil
}

// setAside stores what is left to do of a deletion. Copies that are to be kept need
// no record: without a federated object they are let go.
func (p *pass) setAside(ctx context.Context) error {
	if isOrphaning(p.obj) {
		return nil
	}
	removal, err := p.removal()
	if err != nil {
		return err
	}
	stored, err := p.c.removals.store(ctx, removal)
	if err != nil {
		return fmt.Errorf("keep what is left to do of a deletion: %w", err)
	}
	var names []string
	for _, cluster := range stored.Spec.Clusters {
		names = append(names, cluster.Name)
	}
	p.c.tellRemoval(stored, "RemovalPending", fmt.Sprintf(
		"%s was deleted; its copies in %s, which cannot be reached, will be when they can", p.what(), strings.Join(names, ", ")))
	return nil
}

// removal returns what is left to do of the deletion of the object.
func (p *pass) removal() (*corev1beta1.PendingRemoval, error) {
	options, err := deleteOptions(p.obj)
	if err != nil {
		return nil, err // whoever mends the annotation has it looked at again
	}
	removal := &corev1beta1.PendingRemoval{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: p.c.config.SystemNamespace, Name: removalName(p.key, p.obj.UID),
			Labels: map[string]string{corev1beta1.RemovalTargetLabel: targetHash(p.key)},
		},
		Spec: corev1beta1.PendingRemovalSpec{
			Target:      corev1beta1.RemovalTarget{TypeConfig: p.k.name, Namespace: p.key.Namespace, Name: p.key.Name, UID: p.obj.UID},
			RequestedAt: *p.obj.DeletionTimestamp,
		},
	}
	if options.GracePeriodSeconds != nil || options.PropagationPolicy != nil || options.Preconditions != nil {
		removal.Spec.DeleteOptions = &corev1beta1.RemovalOptions{
			GracePeriodSeconds: options.GracePeriodSeconds, PropagationPolicy: options.PropagationPolicy, Preconditions: options.Preconditions}
	}
	if change := p.obj.Status.LastChange; change != nil {
		removal.Spec.RequestedBy = &corev1beta1.RemovalRequester{User: change.User, UID: change.UID, AuditID: change.AuditID}
	}
	if keep := p.c.config.Settings().GiveUpAfter; keep > 0 {
		expires := metav1.NewTime(p.c.now().Add(keep)).Rfc3339Copy()
		removal.Spec.ExpiresAt = &expires
	}
	for _, absent := range p.absent {
		removal.Spec.Clusters = append(removal.Spec.Clusters, corev1beta1.RemovalCluster{Name: absent.cluster, UID: absent.uid})
	}
	return removal, nil
}

// supersede ends what is left of the deletion of a former object of this name,
// where this object has a say now: it has or shall have a copy. Elsewhere what is
// left is still done, and is none of this object's business; these clusters are
// returned.
func (p *pass) supersede(ctx context.Context) (sets.Set[string], error) {
	recorded, elsewhere := recordedClusters(p.obj), sets.New[string]()
	claimed := p.claimed()
	for _, removal := range p.c.removals.of(p.key) {
		if removal.Spec.Target.UID == p.obj.UID {
			continue // its own, which it has yet to be let go for
		}
		var ours []string
		for _, cluster := range removal.Spec.Clusters {
			switch {
			case p.c.removals.entry(removal, cluster.Name) == nil:
			case recorded[cluster.Name] != nil || claimed.Has(cluster.Name):
				ours = append(ours, cluster.Name)
			default:
				elsewhere.Insert(cluster.Name)
			}
		}
		if len(ours) == 0 {
			continue
		}
		if err := p.c.removals.takeOut(ctx, removal, ours...); err != nil {
			return nil, err
		}
		p.c.tellRemoval(removal, "RemovalSuperseded", fmt.Sprintf(
			"%s exists again, and its copies in %s are those of the new object", p.what(), strings.Join(ours, ", ")))
	}
	return elsewhere, nil
}

// claimed returns the clusters where a copy is the object's. One that is being
// deleted selects none; but if its copies are to be kept, they are to be kept
// wherever it would have had one, though it was deleted before anybody saw it.
func (p *pass) claimed() sets.Set[string] {
	if p.obj.DeletionTimestamp == nil || !isOrphaning(p.obj) {
		return p.selected
	}
	alive := *p.obj
	alive.DeletionTimestamp = nil
	clusters, _ := p.c.clusters()
	return p.c.decide(p.k, &alive, clusters).selected
}

func (p *pass) what() string {
	return fmt.Sprintf("%s %s", p.k.federated.Kind, displayName(p.key.Namespace, p.key.Name))
}

// removalGivenUp is the reason of an event that warns: something is left in a member.
const removalGivenUp = "RemovalGivenUp"

// tellRemoval makes an event on a removal.
func (c *Controller) tellRemoval(removal *corev1beta1.PendingRemoval, reason, message string) {
	eventType := corev1.EventTypeNormal
	if reason == removalGivenUp {
		eventType = corev1.EventTypeWarning
	}
	if eventType == corev1.EventTypeNormal && !c.announcer.limiter.TryAccept() {
		return
	}
	c.announcer.events.Event(&corev1.ObjectReference{
		APIVersion: corev1beta1.SchemeGroupVersion.String(), Kind: "PendingRemoval",
		Namespace: removal.Namespace, Name: removal.Name, UID: removal.UID, ResourceVersion: removal.ResourceVersion,
	}, eventType, reason, message)
}
