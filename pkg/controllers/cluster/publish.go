package cluster

import (
	"context"

	"golang.org/x/sync/semaphore"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// mostWrites is how many statuses are written at a time. Clusters are many and come
// due together, as those do that joined together; what else the API and the store have
// to do must not wait for a thousand of them.
const mostWrites = 16

// turns hands out the turns to write a status.
type turns struct{ free *semaphore.Weighted }

func newTurns(most int64) turns { return turns{semaphore.NewWeighted(most)} }

// take takes a turn for next to be written over stored, until done is called. What is
// news waits for one, within ctx; that a cluster was probed again does not: it is said
// with another probe.
func (t turns) take(ctx context.Context, stored, next *corev1beta1.KubeFedClusterStatus) (done func(), ok bool, err error) {
	done = func() { t.free.Release(1) }
	if !isNews(stored, next) {
		return done, t.free.TryAcquire(1), nil
	}
	if err := t.free.Acquire(ctx, 1); err != nil {
		return nil, false, err
	}
	return done, true, nil
}

// publish writes the status, if it says anything new.
func (p *prober) publish(ctx context.Context) {
	// A write that is under way when the controller ends is let through.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	stored, err := p.controller.clusters.Get(p.name)
	if err != nil || stored.UID != p.uid || !worthWriting(&stored.Status, &p.status) {
		return // without a cluster: the controller will stop this prober
	}
	done, ok, err := p.controller.turns.take(ctx, &stored.Status, &p.status)
	if ok {
		err = p.write(ctx, stored)
		done()
	}
	if err != nil && !apierrors.IsNotFound(err) {
		klog.FromContext(ctx).Error(err, "Could not write the status of a cluster; will try with the next probe", "cluster", p.name)
	}
}

func (p *prober) write(ctx context.Context, stored *corev1beta1.KubeFedCluster) error {
	client := p.controller.Federation.CoreV1beta1().KubeFedClusters(p.controller.Namespace)
	var err error
	for range 5 {
		if stored.UID != p.uid || !worthWriting(&stored.Status, &p.status) {
			return nil
		}
		next := stored.DeepCopy()
		next.Status = *p.status.DeepCopy()
		if _, err = client.UpdateStatus(ctx, next, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
			return err
		}
		if stored, err = client.Get(ctx, p.name, metav1.GetOptions{}); err != nil {
			return err
		}
	}
	return err
}
