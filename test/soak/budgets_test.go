package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
)

const (
	approvalAnnotation = "kubefed.io/approve-removal"
	// objectsBudget is how many objects may lose copies by default, where there are less than 400.
	objectsBudget = 20
)

// Budgets of rounds: in some nothing is held up, in others what nobody deleted goes within the default budget, or with an
// approval.
var (
	wideBudgets    = map[string]any{"clustersPerObject": "100%", "objects": "100%", "confirm": []string{}}
	defaultBudgets = map[string]any{"clustersPerObject": nil, "objects": nil, "confirm": nil}
)

func hasDefaultBudgets(round int) bool { return round%2 == 0 }

// setBudgets sets those of a round.
func (s *soak) setBudgets(ctx context.Context, budgets map[string]any) error {
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"removals": budgets}})
	if err != nil {
		return err
	}
	_, err = s.host.Resource(configResource).Namespace(env.SystemNamespace).Patch(ctx, "kubefed", types.MergePatchType, body, metav1.PatchOptions{})
	return err
}

// converge approves what is paused, and says what is not as it shall be.
func (s *soak) converge(ctx context.Context) error {
	if err := s.approve(ctx); err != nil {
		return err
	}
	return s.compare(ctx)
}

// approve approves all removals that are paused. Until then the copies must be there.
func (s *soak) approve(ctx context.Context) error {
	for resource, r := range resources {
		list, err := s.host.Resource(r.federated).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			object := &list.Items[i]
			hash, _, _ := unstructured.NestedString(object.Object, "status", "pausedRemoval", "hash")
			if hash == "" || object.GetAnnotations()[approvalAnnotation] == hash {
				continue
			}
			k := key{resource, object.GetNamespace(), object.GetName()}
			if err := s.checkPaused(ctx, k, object); err != nil {
				return err
			}
			body, err := json.Marshal(map[string]any{"metadata": map[string]any{
				"resourceVersion": object.GetResourceVersion(), "annotations": map[string]string{approvalAnnotation: hash}}})
			if err != nil {
				return err
			}
			e := s.history.note("approver", "approve", k.String(), object.Object["status"])
			s.model.mu.Lock()
			s.model.approved[k] = true
			s.model.mu.Unlock()
			_, err = s.host.Resource(r.federated).Namespace(k.Namespace).Patch(ctx, k.Name, types.MergePatchType, body, metav1.PatchOptions{})
			s.history.answered(e, "%v", err)
			if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
				return err
			}
			s.approvals++
		}
	}
	return nil
}

// checkPaused says which of the copies that stay until an approval is not there.
func (s *soak) checkPaused(ctx context.Context, k key, object *unstructured.Unstructured) error {
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	clusters, _, err := unstructured.NestedStringSlice(object.Object, "status", "pausedRemoval", "clusters")
	if err != nil || observed != object.GetGeneration() || object.GetDeletionTimestamp() != nil || k.Namespace == wandering && k.Resource != namespaces {
		return err // what is in a namespace may go with it
	}
	for _, member := range clusters {
		s.model.mu.Lock()
		excused := s.model.mayRelease(member, k)
		s.model.mu.Unlock()
		copies := s.members[member].Resource(resources[k.Resource].copies)
		var err error
		if k.Resource == namespaces {
			_, err = copies.Get(ctx, k.Name, metav1.GetOptions{})
		} else {
			_, err = copies.Namespace(k.Namespace).Get(ctx, k.Name, metav1.GetOptions{})
		}
		if apierrors.IsNotFound(err) && !excused {
			return fmt.Errorf("%s in %s was removed while its removal was paused: %v", k, member, object.Object["status"])
		}
	}
	return nil
}

// spent are the copies of one object, by member, that went without anybody having deleted the object or approved that.
type spent map[key][]string

// spend notes a deletion. m.mu is held.
func (m *model) spend(s spent, member string, event *auditv1.Event) {
	k := key{event.ObjectRef.Resource, event.ObjectRef.Namespace, event.ObjectRef.Name}
	absent := func(s *span[value]) bool { return s.value.Absent }
	// Who allows it to be nowhere lets all copies go at once.
	free := func(s *span[value]) bool { return s.value.Absent || s.value.AllowEmpty }
	if event.Verb != "delete" || m.approved[k] || m.objects[k] == nil || slices.ContainsFunc(m.objects[k].spans, free) {
		return
	}
	// The approval for a namespace covers what is in it.
	if name, ok := namespaceOf(k); !ok || m.approved[name] || slices.ContainsFunc(m.object(name).spans, absent) {
		return
	}
	if !slices.Contains(s[k], member) {
		s[k] = append(s[k], member)
	}
}

// check says what was spent beyond the default budget.
func (s spent) check() error {
	var failed []error
	for k, members := range s {
		if len(members) > 1 {
			failed = append(failed, fmt.Errorf("the copies of %s in %v went, of which one may go without an approval", k, members))
		}
	}
	if len(s) > objectsBudget {
		failed = append(failed, fmt.Errorf("%d objects lost copies, of which %d may without an approval", len(s), objectsBudget))
	}
	return errors.Join(failed...)
}
