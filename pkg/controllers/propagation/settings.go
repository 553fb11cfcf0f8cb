package propagation

import (
	"context"
	"reflect"
	"sync"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// takeUp has the Controller work by the settings in force, which were others
// before: with more or fewer object workers, and with another look at all objects
// if it may make a difference. It returns the settings.
func (c *Controller) takeUp(ctx context.Context, workers *sync.WaitGroup, before Settings) Settings {
	now := c.config.Settings()
	c.growWorkers(ctx, workers, now.ObjectWorkers)
	if now.AdoptResources != before.AdoptResources || now.Namespaced != before.Namespaced || !reflect.DeepEqual(now.Removals, before.Removals) {
		for _, k := range c.allKinds() {
			c.resync(k, "")
		}
	}
	if now.UnreachableAfter != before.UnreachableAfter {
		for _, k := range c.allKinds() {
			k.each("", func(obj *typesv1beta1.FederatedObject) {
				if obj.DeletionTimestamp != nil {
					c.objects.AddBackground(k.keyOf(obj))
				}
			})
		}
	}
	return now
}

// growWorkers makes the number of object workers what is wanted, and not less than
// configured. Those that are too many end when they have done what they are at.
func (c *Controller) growWorkers(ctx context.Context, running *sync.WaitGroup, wanted int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objectWorkersWanted = max(wanted, c.config.ObjectWorkers)
	for ; c.objectWorkers < c.objectWorkersWanted; c.objectWorkers++ {
		running.Go(func() { c.run(ctx) })
	}
}

// isSurplus says that a worker is one too many, and takes it out of the count.
func (c *Controller) isSurplus() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objectWorkers <= c.objectWorkersWanted {
		return false
	}
	c.objectWorkers--
	return true
}
