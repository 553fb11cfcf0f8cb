package scheduling

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// podOf reads the conditions of a pod. One that ends is neither ready nor waiting
// for a node.
func podOf(obj *unstructured.Unstructured) pod {
	p := pod{created: obj.GetCreationTimestamp().Time}
	if phase, _, _ := unstructured.NestedString(obj.Object, "status", "phase"); obj.GetDeletionTimestamp() != nil ||
		phase == string(corev1.PodSucceeded) || phase == string(corev1.PodFailed) {
		p.ended = true
		return p
	}
	list, _, err := unstructured.NestedSlice(obj.Object, "status", "conditions")
	if err != nil {
		return p
	}
	for _, item := range list {
		content, ok := item.(map[string]any)
		if !ok {
			continue
		}
		var condition corev1.PodCondition
		if runtime.DefaultUnstructuredConverter.FromUnstructured(content, &condition) != nil {
			continue // of another form: it says nothing
		}
		switch condition.Type {
		case corev1.PodReady:
			p.ready = condition.Status == corev1.ConditionTrue
		case corev1.PodScheduled:
			if condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
				p.unschedulable = condition.LastTransitionTime.Time
			}
		}
	}
	return p
}

func selectorOf(raw map[string]any) (*metav1.LabelSelector, error) {
	selector := &metav1.LabelSelector{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, selector); err != nil {
		return nil, fmt.Errorf("spec.selector: %w", err)
	}
	return selector, nil
}
