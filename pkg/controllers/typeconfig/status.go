package typeconfig

import (
	"context"
	"errors"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// Reasons of the condition Served.
const (
	reasonServed      = "Served"
	reasonTerminating = "Terminating"
	reasonFailed      = "Failed"
	reasonOutOfScope  = "OutOfScope"
)

// reasonNotPropagated is that of the condition Ready while the propagation is being started.
const reasonNotPropagated = "Progressing"

// writeStatus records what runs for the type, if it is not recorded yet.
func (c *Controller) writeStatus(ctx context.Context, config *corev1beta1.FederatedTypeConfig, kind *federatedtypes.Kind, enableErr error) error {
	changed := config.DeepCopy()
	status := &changed.Status
	status.ObservedGeneration = config.Generation
	status.PropagationController = corev1beta1.ControllerStatusNotRunning
	if c.Propagation.Running(config.Name) {
		status.PropagationController = corev1beta1.ControllerStatusRunning
	}
	collecting := corev1beta1.ControllerStatusNotRunning
	if status.PropagationController == corev1beta1.ControllerStatusRunning && c.collectsStatus(config) {
		collecting = corev1beta1.ControllerStatusRunning
	}
	status.StatusController = &collecting

	served := servedCondition(config, enableErr)
	for _, condition := range []metav1.Condition{c.readyCondition(config, served), served, typedCondition(kind)} {
		condition.ObservedGeneration = config.Generation
		apimeta.SetStatusCondition(&status.Conditions, condition)
	}
	if apiequality.Semantic.DeepEqual(config.Status, changed.Status) {
		return nil
	}
	_, err := c.Federation.CoreV1beta1().FederatedTypeConfigs(c.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("write the status: %w", err)
	}
	return nil
}

// readyCondition sums up: the type is served, and propagated if it shall be.
func (c *Controller) readyCondition(config *corev1beta1.FederatedTypeConfig, served metav1.Condition) metav1.Condition {
	ready := metav1.Condition{Type: corev1beta1.FederatedTypeReady, Status: served.Status, Reason: served.Reason, Message: served.Message}
	wanted := config.Spec.Propagation == corev1beta1.PropagationEnabled && c.Settings.Get().Enabled(corev1beta1.PushReconciler)
	if ready.Status == metav1.ConditionTrue && wanted && !c.Propagation.Running(config.Name) {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, reasonNotPropagated, "The objects of the type are not propagated yet"
	}
	return ready
}

// collectsStatus says whether the status of copies is collected for a type that is
// propagated: where KubeFed would run a controller for its status type, or where
// remoteStatus is collected.
func (c *Controller) collectsStatus(config *corev1beta1.FederatedTypeConfig) bool {
	mode := config.Spec.StatusCollection
	if mode == nil || *mode != corev1beta1.StatusCollectionEnabled {
		return false
	}
	return config.Spec.StatusType != nil || c.Settings.Get().Enabled(corev1beta1.RawResourceStatusCollection)
}

func servedCondition(config *corev1beta1.FederatedTypeConfig, enableErr error) metav1.Condition {
	condition := metav1.Condition{Type: corev1beta1.FederatedTypeServed, Status: metav1.ConditionTrue, Reason: reasonServed,
		Message: fmt.Sprintf("The resource %s is served", config.Spec.FederatedType.PluralName)}
	var notServed *federatedtypes.NotServedError
	switch {
	case errors.As(enableErr, &notServed):
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, notServed.Reason, notServed.Message
	case enableErr != nil:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, reasonFailed, enableErr.Error()
	case config.DeletionTimestamp != nil:
		condition.Reason = reasonTerminating
		condition.Message = "The resource is served until its objects are deleted, and takes no new ones"
	}
	return condition
}

func typedCondition(kind *federatedtypes.Kind) metav1.Condition {
	condition := metav1.Condition{Type: corev1beta1.FederatedTypeSchemaTyped, Status: metav1.ConditionFalse,
		Reason: "NotServed", Message: "The federated type is not served"}
	if kind == nil {
		return condition
	}
	state := kind.Schema()
	if state.Typed {
		condition.Status = metav1.ConditionTrue
	}
	condition.Reason, condition.Message = state.Reason, state.Message
	return condition
}
