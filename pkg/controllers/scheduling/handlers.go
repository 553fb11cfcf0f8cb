package scheduling

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

func (c *Controller) preferenceHandler() cache.ResourceEventHandler {
	enqueue := func(obj any) {
		if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			c.queue.Add(types.NamespacedName{Namespace: name.Namespace, Name: name.Name})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, obj any) { enqueue(obj) },
		DeleteFunc: enqueue,
	}
}

// clusterHandler hears of clusters that come, go, change their labels or readiness;
// probes that say the same again are written once a minute.
func (c *Controller) clusterHandler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { c.enqueueAll() },
		UpdateFunc: func(before, after any) {
			old, isCluster := before.(*corev1beta1.KubeFedCluster)
			obj, ok := after.(*corev1beta1.KubeFedCluster)
			if !isCluster || !ok {
				return
			}
			was, is := clusterOf(old), clusterOf(obj)
			if was.ready != is.ready || !was.since.Equal(is.since) || !maps.Equal(was.Labels, is.Labels) {
				c.enqueueAll()
			}
		},
		DeleteFunc: func(any) { c.enqueueAll() },
	}
}

// clusterOf reads what scheduling looks at.
func clusterOf(obj *corev1beta1.KubeFedCluster) cluster {
	c := cluster{Cluster: placement.Cluster{Name: obj.Name, Labels: obj.Labels}, since: obj.CreationTimestamp.Time}
	for _, condition := range obj.Status.Conditions {
		if condition.Type != corev1beta1.ClusterReady {
			continue
		}
		c.ready = condition.Status == corev1.ConditionTrue
		if condition.LastTransitionTime != nil {
			c.since = condition.LastTransitionTime.Time
		} else {
			c.since = time.Time{}
		}
	}
	return c
}
