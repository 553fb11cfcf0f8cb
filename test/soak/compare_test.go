package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// resolve reads what is stored, holds it against what the clients were told, and ends all doubt: of edits without an
// answer, the stored one was made.
func (s *soak) resolve(ctx context.Context) (map[key]*unstructured.Unstructured, error) {
	stored := map[key]*unstructured.Unstructured{}
	for resource, r := range resources {
		list, err := s.host.Resource(r.federated).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			object := &list.Items[i]
			if object.GetAnnotations()[editAnnotation] != "" {
				stored[key{resource, object.GetNamespace(), object.GetName()}] = object
			}
		}
	}
	clusters, err := s.host.Resource(clusterResource).Namespace(env.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	for k := range stored {
		s.model.object(k)
	}
	for k, t := range s.model.objects {
		if err := matchesStored(k, t, stored[k]); err != nil {
			return nil, err
		}
	}
	for name, t := range s.model.clusters {
		i := slices.IndexFunc(clusters.Items, func(c unstructured.Unstructured) bool { return c.GetName() == name })
		if i < 0 {
			return nil, fmt.Errorf("the cluster %s is not a member", name)
		}
		labels := clusters.Items[i].GetLabels()
		if !slices.ContainsFunc(t.open(), func(s *span[membership]) bool {
			return s.value.Joined && s.value.Labels["tier"] == labels["tier"] && s.value.Labels["ring"] == labels["ring"]
		}) {
			return nil, fmt.Errorf("an acknowledged change of the labels of %s is lost: they are %v", name, labels)
		}
		s.model.actual[name] = &membership{Joined: true, Labels: labels}
	}
	return stored, nil
}

// matchesStored ends the doubt about one object. Its spans stay, for the causes of writes.
func matchesStored(k key, t *timeline[value], object *unstructured.Unstructured) error {
	if object != nil && object.GetDeletionTimestamp() != nil {
		return fmt.Errorf("%s is still being deleted", k)
	}
	open := t.open()
	for _, s := range open {
		switch {
		case object == nil && s.value.Absent:
		case object != nil && !s.value.Absent && object.GetAnnotations()[editAnnotation] == s.value.Edit:
			want, got := canonical(s.value.spec(k.Resource)), canonical(object.Object["spec"])
			if want != got {
				return fmt.Errorf("%s is stored otherwise than edit %s asked for:\n%s\ninstead of\n%s", k, s.value.Edit, got, want)
			}
		default:
			continue
		}
		for _, other := range open {
			if other != s {
				other.until = time.Now()
			}
		}
		return nil
	}
	var possible []string
	for _, s := range open {
		possible = append(possible, s.value.Edit)
	}
	found := "nothing"
	if object != nil {
		found = object.GetAnnotations()[editAnnotation]
	}
	return fmt.Errorf("%s: an acknowledged edit is lost, or one that nobody made is stored: %s, where it may be %v", k, found, possible)
}

func canonical(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// compare says how the members differ from the intent, all differences in one error.
func (s *soak) compare(ctx context.Context) error {
	stored, err := s.resolve(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for member := range s.members {
		copies, err := s.copiesIn(ctx, member)
		if err != nil {
			return err
		}
		failed = append(failed, s.compareMember(member, copies)...)
	}
	for _, k := range slices.SortedFunc(maps.Keys(stored), func(a, b key) int { return strings.Compare(a.String(), b.String()) }) {
		if err := s.compareStatus(k, stored[k]); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(append(failed, s.checkBystanders(ctx))...)
}

// copiesIn reads all that a member has and that may be a copy.
func (s *soak) copiesIn(ctx context.Context, member string) (map[key]*unstructured.Unstructured, error) {
	copies := map[key]*unstructured.Unstructured{}
	for resource, r := range resources {
		list, err := s.members[member].Resource(r.copies).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			object := &list.Items[i]
			k := key{resource, object.GetNamespace(), object.GetName()}
			if resource == namespaces {
				k.Namespace = k.Name
			}
			copies[k] = object
		}
	}
	return copies, nil
}

func (s *soak) compareMember(member string, copies map[key]*unstructured.Unstructured) []error {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	var failed []error
	report := func(k key, format string, args ...any) {
		failed = append(failed, fmt.Errorf("%s in %s %s", k, member, fmt.Sprintf(format, args...)))
	}
	for k, object := range copies {
		if s.model.objects[k] == nil && object.GetLabels()[managedLabel] != "" {
			report(k, "has the federation's label, and nobody asked for it")
		}
	}
	for k := range s.model.objects {
		want, object := s.model.intent(member, k), copies[k]
		switch {
		case want == nil && object == nil:
		case want == nil && object.GetLabels()[managedLabel] != "":
			report(k, "is there, and is not wanted")
		case want == nil && !s.model.mayRelease(member, k):
			report(k, "was let go, and nobody asked for that")
		case want == nil:
		case object == nil:
			report(k, "is missing")
		case object.GetDeletionTimestamp() != nil:
			report(k, "is being deleted")
		case object.GetLabels()[managedLabel] != "true":
			report(k, "lacks the label")
		default:
			got, err := dataOf(k.Resource, object)
			if err != nil {
				report(k, "cannot be read: %v", err)
				break
			}
			own := target{member, k}
			if s.model.mayRelease(member, k) {
				s.model.inherited[own] = got
			}
			if err := sameData(want, got, s.model.inherited[own]); err != nil {
				report(k, "%v", err)
			}
		}
	}
	return failed
}

// sameData says how the data of a copy differ from what was asked for. What somebody added in the member is theirs, and so
// is what was there when the copy was taken over.
func sameData(want, got, inherited map[string]string) error {
	for k, v := range want {
		if got[k] != v {
			return fmt.Errorf("has %q for %s instead of %q", got[k], k, v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok && inherited[k] != v && !strings.HasPrefix(v, tampering) && (k == "soak" || strings.HasPrefix(k, "k") && len(k) == 2) {
			return fmt.Errorf("has %s=%s, for which nobody asks", k, v)
		}
	}
	return nil
}

// compareStatus says in what the status of a federated object is not the truth.
func (s *soak) compareStatus(k key, object *unstructured.Unstructured) error {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	observed, _, err := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	if err != nil || observed != object.GetGeneration() {
		return fmt.Errorf("status of %s is about generation %d, not %d: %w", k, observed, object.GetGeneration(), err)
	}
	var condition map[string]any
	conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return fmt.Errorf("status of %s: %w", k, err)
	}
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Propagation" {
			condition = c
		}
	}
	if name, ok := namespaceOf(k); ok && s.model.now(name).Absent {
		if condition["status"] != "False" || condition["reason"] != "NamespaceNotFederated" {
			return fmt.Errorf("status of %s, whose namespace is not federated, is %v", k, condition)
		}
		return nil
	}
	if condition["status"] != "True" {
		return fmt.Errorf("status of %s is %v with clusters %v", k, condition, object.Object["status"].(map[string]any)["clusters"])
	}
	want, got := []string{}, []string{}
	for _, member := range s.names {
		if s.model.intent(member, k) != nil {
			want = append(want, member)
		}
	}
	clusters, _, err := unstructured.NestedSlice(object.Object, "status", "clusters")
	if err != nil {
		return fmt.Errorf("status of %s: %w", k, err)
	}
	for _, c := range clusters {
		if c, ok := c.(map[string]any); ok {
			got = append(got, fmt.Sprint(c["name"]))
		}
	}
	slices.Sort(got)
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("status of %s has the clusters %v instead of %v", k, got, want)
	}
	return nil
}

// sweep removes what was let go in this round, so that the next one begins with the intent alone. It returns an error
// while something is left.
func (s *soak) sweep(ctx context.Context) error {
	left := 0
	for member := range s.members {
		copies, err := s.copiesIn(ctx, member)
		if err != nil {
			return err
		}
		s.model.mu.Lock()
		var leftover []key
		for k := range s.model.objects {
			if copies[k] != nil && s.model.intent(member, k) == nil {
				leftover = append(leftover, k)
			}
		}
		s.model.mu.Unlock()
		left += len(leftover)
		for _, k := range leftover {
			objects := s.members[member].Resource(resources[k.Resource].copies)
			if k.Resource == namespaces {
				err = objects.Delete(ctx, k.Name, metav1.DeleteOptions{})
			} else {
				err = objects.Namespace(k.Namespace).Delete(ctx, k.Name, metav1.DeleteOptions{})
			}
			if err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("sweep %s in %s: %w", k, member, err)
			}
		}
	}
	if left > 0 {
		return fmt.Errorf("%d leftovers", left)
	}
	return nil
}

// settle makes what is true now the beginning of the next round.
func (s *soak) settle() {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	now := time.Now()
	for _, t := range s.model.objects {
		t.settle(t.open()[0].value, now)
	}
	for name, t := range s.model.clusters {
		t.settle(*s.model.actual[name], now)
	}
}
