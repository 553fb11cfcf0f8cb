package propagation

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// followRemovals returns the handler for changes of PendingRemovals.
func (c *Controller) followRemovals() cache.ResourceEventHandler {
	changed := func(obj any) {
		removal := obj.(*corev1beta1.PendingRemoval)
		c.removals.delivered(removal)
		c.pending.Add(removal.Name)
		c.resumeRemoval(removal)
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(_, obj any) { changed(obj) },
		DeleteFunc: func(deleted any) {
			if unknown, ok := deleted.(cache.DeletedFinalStateUnknown); ok {
				deleted = unknown.Obj
			}
			removal, ok := deleted.(*corev1beta1.PendingRemoval)
			if !ok {
				return
			}
			if !c.removals.deleted(removal) {
				c.tellRemoval(removal, removalGivenUp, "the PendingRemoval was deleted before it was carried out: "+leftBehind(removal))
			}
			c.letGo(removal)
		},
	}
}

// leftBehind says what stays where when a removal ends here.
func leftBehind(removal *corev1beta1.PendingRemoval, clusters ...string) string {
	if len(clusters) == 0 {
		for _, cluster := range removal.Spec.Clusters {
			clusters = append(clusters, cluster.Name)
		}
	}
	target := &removal.Spec.Target
	return fmt.Sprintf("%s %s may have been left in %s", target.TypeConfig, displayName(target.Namespace, target.Name), strings.Join(clusters, ", "))
}

// resumeRemoval has a removal carried out wherever that can be.
func (c *Controller) resumeRemoval(removal *corev1beta1.PendingRemoval) {
	for _, cluster := range removal.Spec.Clusters {
		c.resumeIn(cluster.Name, targetOf(removal))
	}
}

// resumeIn has what is left of deletions of an object carried out in a cluster, if
// that can be.
func (c *Controller) resumeIn(cluster string, key objectKey) {
	member := c.config.Members.Get(cluster)
	if w := c.worker(cluster); w != nil && member != nil && member.Ready() {
		w.queue.AddBackground(key)
	}
}

// letGo has the copies looked at which a removal that has gone was about.
func (c *Controller) letGo(removal *corev1beta1.PendingRemoval) {
	key := targetOf(removal)
	if k := c.kind(key.kind); k != nil {
		c.checkLeftovers(k, key)
	}
}

// resumeRemovals has removals carried out in a member that is ready now.
func (w *memberWorker) resumeRemovals() {
	for _, removal := range w.c.removals.in(w.name) {
		w.queue.AddBackground(targetOf(removal))
	}
}

// runRemovals gives removals up whose time has come, or whose clusters have left.
func (c *Controller) runRemovals(ctx context.Context) {
	for {
		name, shutdown := c.pending.Get()
		if shutdown {
			return
		}
		if err := c.syncRemoval(ctx, name); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Cannot look after a removal, will retry", "removal", name)
			c.pending.AddRateLimited(name)
		} else {
			c.pending.Forget(name)
		}
		c.pending.Done(name)
	}
}

func (c *Controller) syncRemoval(ctx context.Context, name string) error {
	item, found, err := c.removals.informer.GetIndexer().GetByKey(cache.NewObjectName(c.config.SystemNamespace, name).String())
	if err != nil || !found {
		return nil
	}
	removal := item.(*corev1beta1.PendingRemoval)
	if expires := removal.Spec.ExpiresAt; expires != nil {
		rest := expires.Sub(c.now())
		if rest <= 0 {
			return c.expire(ctx, removal)
		}
		c.pending.AddAfter(name, rest)
	}
	var left []string
	for _, cluster := range removal.Spec.Clusters {
		if c.config.Members.Get(cluster.Name) != nil || c.removals.entry(removal, cluster.Name) == nil {
			continue
		}
		registered, err := c.config.Members.Registered(ctx, cluster.Name)
		if err != nil {
			return fmt.Errorf("find out whether cluster %s is still a member: %w", cluster.Name, err)
		}
		if registered == nil {
			left = append(left, cluster.Name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	if err := c.removals.takeOut(ctx, removal, left...); err != nil {
		return err
	}
	c.tellRemoval(removal, removalGivenUp, "the cluster is not a member any more: "+leftBehind(removal, left...))
	return nil
}

func (c *Controller) expire(ctx context.Context, removal *corev1beta1.PendingRemoval) error {
	err := c.removals.delete(ctx, removal)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return nil // its event brings it back, if it is still there
	case err != nil:
		return fmt.Errorf("give up PendingRemoval %s: %w", removal.Name, err)
	}
	c.tellRemoval(removal, removalGivenUp, fmt.Sprintf("its time has come (spec.removals.giveUpAfter): %s", leftBehind(removal)))
	return nil
}
