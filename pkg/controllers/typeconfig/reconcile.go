package typeconfig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// remainingPoll is how often it is looked whether the objects of a type that is
// to go are gone.
const remainingPoll = 2 * time.Second

// releaseAgain is how long another replica may take to know that a type is not
// propagated any more.
const releaseAgain = 5 * time.Second

// namespaces is the name of the FederatedTypeConfig of namespaces. In a control
// plane that is confined to one, FederatedNamespaces limit placements only.
const namespaces = "namespaces"

// reconcile puts one FederatedTypeConfig into effect.
func (c *Controller) reconcile(ctx context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()

	config, err := c.configs.Get(name)
	if apierrors.IsNotFound(err) {
		c.forget(ctx, name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read FederatedTypeConfig %s: %w", name, err)
	}

	// The propagation must not look on while its kind is replaced.
	if c.propagated[name].generation != config.Generation {
		c.stop(name)
	}
	kind, enableErr := c.enable(ctx, config)
	defer func() { recordType(name, enableErr == nil, c.Propagation.Running(name)) }()
	var notServed *federatedtypes.NotServedError
	switch {
	case enableErr == nil:
		delete(c.unserved, name)
		c.retryUnserved()
	case errors.As(enableErr, &notServed):
		c.unserved[name] = true
	}

	if enableErr == nil || notServed != nil {
		c.lookedAt.Store(config.UID, name)
	}
	if c.leading != nil {
		if err := c.lead(c.leading, config, kind, enableErr); err != nil {
			return err
		}
	}
	if notServed != nil {
		return nil // until something changes
	}
	return enableErr
}

// enable serves the federated type, unless it is out of the scope of the control
// plane.
func (c *Controller) enable(ctx context.Context, config *corev1beta1.FederatedTypeConfig) (*federatedtypes.Kind, error) {
	target := config.Spec.TargetType
	if c.Settings.Get().Namespaced() && target.Scope != corev1beta1.NamespaceScoped && config.Name != namespaces {
		c.Types.Disable(ctx, config.Name)
		return nil, &federatedtypes.NotServedError{Reason: reasonOutOfScope, Message: fmt.Sprintf(
			"%s is not namespaced, and the control plane is confined to the namespace %s, as the scope of the KubeFedConfig is Namespaced", target.Kind, c.Namespace)}
	}
	return c.Types.Enable(ctx, config)
}

// lead does what only one replica does.
func (c *Controller) lead(ctx context.Context, config *corev1beta1.FederatedTypeConfig, kind *federatedtypes.Kind, enableErr error) error {
	if config.DeletionTimestamp != nil {
		done, err := c.finish(ctx, config)
		if done || err != nil {
			return err
		}
	} else if !slices.Contains(config.Finalizers, corev1beta1.FederatedTypeConfigFinalizer) {
		changed := config.DeepCopy()
		changed.Finalizers = append(changed.Finalizers, corev1beta1.FederatedTypeConfigFinalizer)
		updated, err := c.Federation.CoreV1beta1().FederatedTypeConfigs(c.Namespace).Update(ctx, changed, metav1.UpdateOptions{})
		if err != nil {
			return fmt.Errorf("add the finalizer: %w", err)
		}
		config = updated
	}
	propagationErr := c.propagate(ctx, config, kind)
	if err := c.writeStatus(ctx, config, kind, enableErr); err != nil {
		return err
	}
	return propagationErr
}

// AllStarted says whether every type that is to be propagated is. One whose
// federated type cannot be served never is.
func (c *Controller) AllStarted() bool {
	if !c.synced() {
		return false
	}
	if !c.Settings.Get().Enabled(corev1beta1.PushReconciler) {
		return true
	}
	configs, err := c.configs.List(labels.Everything())
	return err == nil && !slices.ContainsFunc(configs, func(config *corev1beta1.FederatedTypeConfig) bool {
		return config.DeletionTimestamp == nil && config.Spec.Propagation == corev1beta1.PropagationEnabled && !c.Propagation.Running(config.Name)
	})
}

// propagate makes the propagation run, or not, as config says.
func (c *Controller) propagate(ctx context.Context, config *corev1beta1.FederatedTypeConfig, kind *federatedtypes.Kind) error {
	name := config.Name
	if kind == nil || !c.Settings.Get().Enabled(corev1beta1.PushReconciler) {
		c.stop(name)
		return nil
	}
	if config.Spec.Propagation != corev1beta1.PropagationEnabled {
		c.stop(name)
		return c.release(ctx, name, kind)
	}
	delete(c.released, name)
	want := started{kind: kind, generation: config.Generation}
	if c.propagated[name] == want && c.Propagation.Running(name) {
		c.Propagation.Refresh() // the schema of the target may be another one
		return nil
	}
	c.stop(name)
	if err := c.Propagation.Start(ctx, kind, config); err != nil {
		return fmt.Errorf("start the propagation: %w", err)
	}
	c.propagated[name] = want
	return nil
}

// release lets go of the objects of a type that is no longer propagated: nobody
// would see to deletions any more. It does so twice, since another replica may go
// on for a moment to hold what is written through it.
func (c *Controller) release(ctx context.Context, name string, kind *federatedtypes.Kind) error {
	since, once := c.released[name]
	if once && time.Since(since) < releaseAgain || once && since.IsZero() {
		return nil
	}
	if err := kind.ReleaseAll(ctx); err != nil {
		return fmt.Errorf("release the objects of a type that is no longer propagated: %w", err)
	}
	if once {
		c.released[name] = time.Time{}
		return nil
	}
	c.released[name] = time.Now()
	c.queue.AddAfter(name, releaseAgain)
	return nil
}

func (c *Controller) stop(name string) {
	if _, ok := c.propagated[name]; ok {
		c.Propagation.Stop(name)
		delete(c.propagated, name)
	}
}

// finish lets a FederatedTypeConfig that is being deleted go, when no objects of
// its type remain or they shall stay without it. Until then all goes on, so that
// they can be deleted.
func (c *Controller) finish(ctx context.Context, config *corev1beta1.FederatedTypeConfig) (done bool, err error) {
	if !slices.Contains(config.Finalizers, corev1beta1.FederatedTypeConfigFinalizer) {
		return true, nil
	}
	if config.Annotations[corev1beta1.OrphanObjectsAnnotation] != "true" {
		remaining, err := c.Types.CountObjects(ctx, config.Name)
		if err != nil {
			return false, fmt.Errorf("count the objects of the type: %w", err)
		}
		if remaining > 0 {
			c.queue.AddAfter(config.Name, remainingPoll)
			return false, nil
		}
	}
	c.stop(config.Name)
	changed := config.DeepCopy()
	changed.Finalizers = slices.DeleteFunc(changed.Finalizers, func(f string) bool { return f == corev1beta1.FederatedTypeConfigFinalizer })
	_, err = c.Federation.CoreV1beta1().FederatedTypeConfigs(c.Namespace).Update(ctx, changed, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("remove the finalizer: %w", err)
	}
	return true, nil
}

// forget ends everything for a FederatedTypeConfig that is gone.
func (c *Controller) forget(ctx context.Context, name string) {
	c.stop(name)
	delete(c.released, name)
	delete(c.unserved, name)
	c.lookedAt.Range(func(uid, of any) bool {
		if of == name {
			c.lookedAt.Delete(uid)
		}
		return true
	})
	c.Types.Disable(ctx, name)
	forgetType(name)
	c.retryUnserved()
}

// retryUnserved looks again at types that could not be served: the name that was
// in their way may be free now.
func (c *Controller) retryUnserved() {
	for name := range c.unserved {
		c.queue.Add(name)
	}
}
