package scheduling

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

const (
	// enabledPoll is how often it is looked whether a type is enabled by now.
	enabledPoll = 5 * time.Second
	// syncPoll is how soon caches are looked at again that are being filled.
	syncPoll = 100 * time.Millisecond
	// startGrace is how long after the start a type that is not there may still come.
	startGrace = 30 * time.Second
)

// sync carries out one preference, and says when to do so again; zero is when
// something changes.
func (c *Controller) sync(ctx context.Context, key types.NamespacedName) (recheck time.Time, err error) {
	p, err := c.preferences.ReplicaSchedulingPreferences(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		c.observeNothing(key)
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the preference: %w", err)
	}
	if p.DeletionTimestamp != nil {
		c.observeNothing(key)
		return c.finish(ctx, p)
	}
	if !c.Settings.Get().Enabled(corev1beta1.SchedulerPreferences) {
		c.observeNothing(key)
		return time.Time{}, c.report(ctx, p, nil, &problem{schedulingv1alpha1.ReasonSchedulingDisabled,
			"the feature gate SchedulerPreferences of the KubeFedConfig is disabled; the object is left as it is"})
	}
	if !slices.Contains(p.Finalizers, schedulingv1alpha1.SchedulingFinalizer) {
		p = p.DeepCopy()
		p.Finalizers = append(p.Finalizers, schedulingv1alpha1.SchedulingFinalizer)
		if p, err = c.Federation.SchedulingV1alpha1().ReplicaSchedulingPreferences(p.Namespace).Update(ctx, p, metav1.UpdateOptions{}); err != nil {
			return time.Time{}, fmt.Errorf("add the finalizer: %w", err)
		}
	}
	return c.schedule(ctx, p)
}

// schedule plans, writes the plan, and reports.
func (c *Controller) schedule(ctx context.Context, p *schedulingv1alpha1.ReplicaSchedulingPreference) (recheck time.Time, err error) {
	key := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
	kind, trouble, err := c.kinds.ofTarget(ctx, p.Spec.TargetKind)
	if err != nil {
		return time.Time{}, err
	}
	if trouble != nil {
		c.observeNothing(key)
		return c.Clock.Now().Add(enabledPoll), c.report(ctx, p, nil, trouble)
	}
	namespaces, err := c.kinds.ofNamespaces(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if !kind.synced() || namespaces != nil && !namespaces.synced() {
		return c.Clock.Now().Add(syncPoll), nil
	}
	obj := kind.get(key)
	switch {
	case obj == nil:
		c.observeNothing(key)
		return time.Time{}, c.report(ctx, p, nil, &problem{schedulingv1alpha1.ReasonTargetNotFound, fmt.Sprintf("there is no %s %s", p.Spec.TargetKind, p.Name)})
	case obj.DeletionTimestamp != nil:
		return time.Time{}, c.report(ctx, p, nil, &problem{schedulingv1alpha1.ReasonTargetDeleting, fmt.Sprintf("%s %s is being deleted", p.Spec.TargetKind, p.Name)})
	}

	s, err := c.situation(p, kind, namespaces, obj)
	if err != nil {
		return time.Time{}, c.report(ctx, p, nil, &problem{schedulingv1alpha1.ReasonUpdateRefused, err.Error()})
	}
	if retained := obj.Spec.RetainReplicas; retained != nil && *retained {
		return time.Time{}, c.leaveReplicas(ctx, kind, s)
	}
	d := decide(s)
	if d.pending {
		return c.Clock.Now().Add(syncPoll), nil
	}
	if d.problem == nil {
		if trouble, err = c.write(ctx, kind, s, d); err != nil {
			return time.Time{}, err
		}
	}
	return d.recheck, c.report(ctx, p, d, trouble)
}

// leaveReplicas takes the plan out of an object that leaves replicas to the members:
// its overrides would win over that.
func (c *Controller) leaveReplicas(ctx context.Context, kind *watchedKind, s *situation) error {
	c.observeNothing(types.NamespacedName{Namespace: s.object.Namespace, Name: s.object.Name})
	if s.last != nil {
		if _, err := kind.Update(ctx, takeBack(s.object, s.last)); err != nil {
			return fmt.Errorf("take the plan back: %w", err)
		}
	}
	return c.report(ctx, s.preference, nil, &problem{schedulingv1alpha1.ReasonReplicasRetained,
		"spec.retainReplicas of the object leaves replicas to the members; nothing is planned"})
}

// situation gathers what is known.
func (c *Controller) situation(p *schedulingv1alpha1.ReplicaSchedulingPreference, kind, namespaces *watchedKind, obj *typesv1beta1.FederatedObject) (*situation, error) {
	inForce := c.Settings.Get()
	s := &situation{preference: p, object: obj, now: c.Clock.Now(),
		delays:    delays{available: inForce.AvailableDelay(), unavailable: inForce.UnavailableDelay()},
		namespace: namespace{confined: inForce.Namespaced()},
	}
	var err error
	if s.last, err = recordOf(obj); err != nil {
		return nil, err
	}
	list, err := c.clusters.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	for _, registered := range list {
		s.clusters = append(s.clusters, clusterOf(registered))
	}
	if namespaces != nil {
		if ns := namespaces.get(types.NamespacedName{Namespace: obj.Namespace, Name: obj.Namespace}); ns != nil {
			s.namespace.exists, s.namespace.placement = true, ns.Spec.Placement
		}
	}
	target := kind.TypeConfig().Spec.TargetType
	resource := schema.GroupVersionResource{Group: target.Group, Version: target.Version, Resource: target.PluralName}
	key := types.NamespacedName{Namespace: obj.Namespace, Name: obj.Name}
	s.look = func(cluster string) seen { return c.observer.look(cluster, resource, key) }
	c.observer.forget(key, func(cluster string, r schema.GroupVersionResource) bool {
		return r == resource && slices.ContainsFunc(s.clusters, isNamed(cluster))
	})
	return s, nil
}

func isNamed(name string) func(cluster) bool {
	return func(c cluster) bool { return c.Name == name }
}

// write puts the plan into the object. The problem says why the plan has no effect
// or that it cannot be written.
func (c *Controller) write(ctx context.Context, kind *watchedKind, s *situation, d *decision) (*problem, error) {
	next, changed, err := compose(s.object, s.last, d.replicas, d.waiting)
	if err != nil {
		return nil, err
	}
	if changed {
		_, err := kind.Update(ctx, next)
		switch {
		case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsRequestEntityTooLargeError(err):
			d.recheck = time.Time{}
			return &problem{schedulingv1alpha1.ReasonUpdateRefused, err.Error()}, nil
		case err != nil:
			return nil, fmt.Errorf("write the plan: %w", err)
		}
		message := fmt.Sprintf("Planned %s", describe(planned(d)))
		c.Events.Event(s.preference, corev1.EventTypeNormal, schedulingv1alpha1.ReasonScheduled, message)
		klog.FromContext(ctx).V(2).Info("Wrote a plan", "kind", s.preference.Spec.TargetKind, "object", klog.KObj(s.object), "plan", message)
	}
	for _, name := range d.active {
		if manager := d.seen[name].manager; manager != "" {
			return &problem{schedulingv1alpha1.ReasonReplicasContended, fmt.Sprintf(
				"%s sets spec.replicas in cluster %s too, and the federation puts it back; set spec.retainReplicas of the object to leave replicas to the members", manager, name)}, nil
		}
	}
	return nil, nil
}

// finish takes back what was written for a preference that is being deleted, and
// lets it go.
func (c *Controller) finish(ctx context.Context, p *schedulingv1alpha1.ReplicaSchedulingPreference) (recheck time.Time, err error) {
	if !slices.Contains(p.Finalizers, schedulingv1alpha1.SchedulingFinalizer) {
		return time.Time{}, nil
	}
	kind, ok := c.Types.KindNamed(p.Spec.TargetKind)
	if !ok && c.Clock.Since(c.began) < startGrace {
		return c.began.Add(startGrace), nil
	}
	if ok {
		if err := c.undo(ctx, kind, p); err != nil {
			return time.Time{}, err
		}
	}
	next := p.DeepCopy()
	next.Finalizers = slices.DeleteFunc(next.Finalizers, func(f string) bool { return f == schedulingv1alpha1.SchedulingFinalizer })
	_, err = c.Federation.SchedulingV1alpha1().ReplicaSchedulingPreferences(p.Namespace).Update(ctx, next, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return time.Time{}, fmt.Errorf("remove the finalizer: %w", err)
	}
	return time.Time{}, nil
}

func (c *Controller) undo(ctx context.Context, kind *federatedtypes.Kind, p *schedulingv1alpha1.ReplicaSchedulingPreference) error {
	obj, err := kind.Get(ctx, p.Namespace, p.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the object: %w", err)
	}
	last, err := recordOf(obj)
	if err != nil || last == nil || obj.DeletionTimestamp != nil {
		// Without a record nothing can be told to be ours.
		return nil
	}
	if _, err := kind.Update(ctx, takeBack(obj, last)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("take the plan back: %w", err)
	}
	return nil
}

// report writes the status if it says anything new, and tells of new problems.
func (c *Controller) report(ctx context.Context, p *schedulingv1alpha1.ReplicaSchedulingPreference, d *decision, trouble *problem) error {
	status, changed := nextStatus(p, d, trouble)
	if !changed {
		return nil
	}
	next := p.DeepCopy()
	next.Status = *status
	if _, err := c.Federation.SchedulingV1alpha1().ReplicaSchedulingPreferences(p.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{}); err != nil {
		// What is gone has no status; its deletion is the next thing to be seen.
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("write the status: %w", err)
	}
	c.announce(p, status)
	return nil
}

// announce makes an event of a condition that has become bad.
func (c *Controller) announce(p *schedulingv1alpha1.ReplicaSchedulingPreference, status *schedulingv1alpha1.ReplicaSchedulingPreferenceStatus) {
	for kind, bad := range map[string]metav1.ConditionStatus{
		schedulingv1alpha1.ScheduledCondition: metav1.ConditionFalse, schedulingv1alpha1.UnsatisfiableCondition: metav1.ConditionTrue,
	} {
		before, now := meta.FindStatusCondition(p.Status.Conditions, kind), meta.FindStatusCondition(status.Conditions, kind)
		if now == nil || now.Status != bad || before != nil && before.Status == bad && before.Reason == now.Reason {
			continue
		}
		c.Events.Event(p, corev1.EventTypeWarning, now.Reason, now.Message)
	}
}

func (c *Controller) observeNothing(key types.NamespacedName) {
	c.observer.forget(key, func(string, schema.GroupVersionResource) bool { return false })
}
