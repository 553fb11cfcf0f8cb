package propagation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	corev1beta1client "github.com/kubefederation/federation-apiserver/generated/clientset/versioned/typed/core/v1beta1"
	corev1beta1informers "github.com/kubefederation/federation-apiserver/generated/informers/externalversions/core/v1beta1"
)

// Indexes of PendingRemovals: by what they are about, and by cluster.
const (
	indexTarget  = "target"
	indexCluster = "cluster"
)

// pendingRemovals are what is left to do of deletions.
type pendingRemovals struct {
	client   corev1beta1client.PendingRemovalInterface
	informer cache.SharedIndexInformer

	mu sync.Mutex
	// taken are clusters that were taken out of a removal, by its UID, until the
	// informer has it so.
	taken map[types.UID]sets.Set[string]
	// own are removals that were deleted here, until the informer has it so.
	own sets.Set[types.UID]
}

func newPendingRemovals(client versioned.Interface, namespace string) *pendingRemovals {
	return &pendingRemovals{
		client: client.CoreV1beta1().PendingRemovals(namespace),
		informer: corev1beta1informers.NewPendingRemovalInformer(client, namespace, 0, cache.Indexers{
			indexTarget: func(obj any) ([]string, error) {
				return []string{targetOf(obj.(*corev1beta1.PendingRemoval)).String()}, nil
			},
			indexCluster: func(obj any) ([]string, error) {
				var names []string
				for _, cluster := range obj.(*corev1beta1.PendingRemoval).Spec.Clusters {
					names = append(names, cluster.Name)
				}
				return names, nil
			},
		}),
		taken: map[types.UID]sets.Set[string]{},
		own:   sets.New[types.UID](),
	}
}

// String names the object for a person, and for an index.
func (k objectKey) String() string { return k.kind + " " + k.NamespacedName.String() }

// targetOf names the federated object whose copies are to be removed.
func targetOf(removal *corev1beta1.PendingRemoval) objectKey {
	target := &removal.Spec.Target
	return objectKey{kind: target.TypeConfig, NamespacedName: types.NamespacedName{Namespace: target.Namespace, Name: target.Name}}
}

// targetHash is the value of the label by which the removals of a target are found.
func targetHash(key objectKey) string {
	sum := sha256.Sum256([]byte(key.String()))
	return hex.EncodeToString(sum[:16])
}

// removalName is the name of the PendingRemoval of an object: the same however often
// it is made.
func removalName(key objectKey, uid types.UID) string {
	sum := sha256.Sum256([]byte(key.String() + " " + string(uid)))
	return "removal-" + hex.EncodeToString(sum[:12])
}

// of returns the removals about an object of which something is left, as the cache
// has them. They are shared.
func (r *pendingRemovals) of(key objectKey) []*corev1beta1.PendingRemoval {
	return r.indexed(indexTarget, key.String())
}

// in returns the removals of which something is left in a cluster.
func (r *pendingRemovals) in(cluster string) []*corev1beta1.PendingRemoval {
	return r.indexed(indexCluster, cluster)
}

func (r *pendingRemovals) indexed(index, value string) []*corev1beta1.PendingRemoval {
	items, err := r.informer.GetIndexer().ByIndex(index, value)
	if err != nil {
		return nil // there is no such index only if this file made none
	}
	removals := make([]*corev1beta1.PendingRemoval, 0, len(items))
	for _, item := range items {
		removals = append(removals, item.(*corev1beta1.PendingRemoval))
	}
	return removals
}

// entry returns the cluster's entry in a removal, nil if nothing is left there.
func (r *pendingRemovals) entry(removal *corev1beta1.PendingRemoval, cluster string) *corev1beta1.RemovalCluster {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[removal.UID].Has(cluster) {
		return nil
	}
	return entryOf(removal, cluster)
}

func entryOf(removal *corev1beta1.PendingRemoval, cluster string) *corev1beta1.RemovalCluster {
	i := slices.IndexFunc(removal.Spec.Clusters, func(c corev1beta1.RemovalCluster) bool { return c.Name == cluster })
	if i < 0 {
		return nil
	}
	return &removal.Spec.Clusters[i]
}

// store keeps a removal. One of the same name that lacks a cluster is made anew:
// the federated object, which is still there, remembers what is to be done until
// then.
func (r *pendingRemovals) store(ctx context.Context, removal *corev1beta1.PendingRemoval) (*corev1beta1.PendingRemoval, error) {
	for range 3 {
		created, err := r.client.Create(ctx, removal, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			return created, err
		}
		stored, err := r.client.Get(ctx, removal.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if isCovered(removal, stored) {
			return stored, nil
		}
		if err := r.delete(ctx, stored); err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("PendingRemoval %s changes all the time", removal.Name)
}

// isCovered says that a stored removal has all that another one asks for. What copy
// it was may have been known once, and not any more.
func isCovered(removal, stored *corev1beta1.PendingRemoval) bool {
	if stored.Spec.Target != removal.Spec.Target {
		return false
	}
	for _, cluster := range removal.Spec.Clusters {
		if entry := entryOf(stored, cluster.Name); entry == nil || entry.UID != "" && cluster.UID != "" && entry.UID != cluster.UID {
			return false
		}
	}
	return true
}

// delete deletes a removal as it is.
func (r *pendingRemovals) delete(ctx context.Context, removal *corev1beta1.PendingRemoval) error {
	r.mu.Lock()
	r.own.Insert(removal.UID)
	r.mu.Unlock()
	err := r.client.Delete(ctx, removal.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &removal.UID, ResourceVersion: &removal.ResourceVersion}})
	if err != nil {
		r.mu.Lock()
		r.own.Delete(removal.UID)
		r.mu.Unlock()
	}
	return err
}

// takeOut takes clusters out of a removal, in which nothing is left to do. The last
// one takes the removal with it.
func (r *pendingRemovals) takeOut(ctx context.Context, removal *corev1beta1.PendingRemoval, clusters ...string) error {
	for {
		live, err := r.client.Get(ctx, removal.Name, metav1.GetOptions{})
		if err == nil && live.UID == removal.UID {
			err = r.takeOutOf(ctx, live, clusters)
		}
		switch {
		case apierrors.IsConflict(err):
			continue
		case err != nil && !apierrors.IsNotFound(err):
			return fmt.Errorf("take what is done out of PendingRemoval %s: %w", removal.Name, err)
		}
		return nil
	}
}

func (r *pendingRemovals) takeOutOf(ctx context.Context, live *corev1beta1.PendingRemoval, clusters []string) error {
	next := live.DeepCopy()
	next.Spec.Clusters = slices.DeleteFunc(next.Spec.Clusters, func(c corev1beta1.RemovalCluster) bool {
		return slices.Contains(clusters, c.Name)
	})
	var err error
	switch {
	case len(next.Spec.Clusters) == 0:
		err = r.delete(ctx, live)
	case len(next.Spec.Clusters) < len(live.Spec.Clusters):
		_, err = r.client.Update(ctx, next, metav1.UpdateOptions{})
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[live.UID] == nil {
		r.taken[live.UID] = sets.New[string]()
	}
	r.taken[live.UID].Insert(clusters...)
	// Its event may have overtaken the answer, and there is no other one.
	if item, found, err := r.informer.GetIndexer().GetByKey(cache.MetaObjectToName(live).String()); err == nil && len(next.Spec.Clusters) == 0 &&
		(!found || item.(*corev1beta1.PendingRemoval).UID != live.UID) {
		delete(r.taken, live.UID)
	}
	return nil
}

// delivered forgets what the cache now has itself.
func (r *pendingRemovals) delivered(removal *corev1beta1.PendingRemoval) {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.taken[removal.UID]
	for cluster := range taken {
		if entryOf(removal, cluster) == nil {
			taken.Delete(cluster)
		}
	}
	if taken.Len() == 0 {
		delete(r.taken, removal.UID)
	}
}

// deleted forgets a removal, and reports whether it was deleted here.
func (r *pendingRemovals) deleted(removal *corev1beta1.PendingRemoval) (own bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own = r.own.Has(removal.UID)
	r.own.Delete(removal.UID)
	delete(r.taken, removal.UID)
	return own
}

// names says whether a removal, as the storage has it now, names the copy of an
// object in a cluster. A cache may not have it yet.
func (r *pendingRemovals) names(ctx context.Context, key objectKey, cluster string) (bool, error) {
	list, err := r.client.List(ctx, metav1.ListOptions{LabelSelector: corev1beta1.RemovalTargetLabel + "=" + targetHash(key)})
	if err != nil {
		return false, fmt.Errorf("look for PendingRemovals: %w", err)
	}
	return slices.ContainsFunc(list.Items, func(removal corev1beta1.PendingRemoval) bool {
		return targetOf(&removal) == key && entryOf(&removal, cluster) != nil
	}), nil
}
