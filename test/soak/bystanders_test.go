package soak

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// outside is a namespace of the members of which the federation knows nothing.
const outside = "soak-outside"

// bystander is an object in a member that is nobody's business.
type bystander struct {
	member, resource, namespace, name string
	uid                               types.UID
	version                           string
}

// addBystander makes one of the kind that is federated, in the namespace that always is.
func (s *soak) addBystander(ctx context.Context, member, name string) {
	e := s.history.note("tamperer", "create bystander", member+" "+name, nil)
	err := s.createBystander(ctx, member, configMaps, home, name)
	s.history.answered(e, "%v", err)
}

func (s *soak) createBystander(ctx context.Context, member, resource, namespace, name string) error {
	r := resources[resource]
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": r.copies.GroupVersion().String(), "kind": r.kind,
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"data":     map[string]any{},
	}}
	made, err := s.members[member].Resource(r.copies).Namespace(namespace).Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	s.bystandersMu.Lock()
	defer s.bystandersMu.Unlock()
	s.bystanders = append(s.bystanders, bystander{member, resource, namespace, name, made.GetUID(), made.GetResourceVersion()})
	return nil
}

// checkBystanders says which one is not as it was made.
func (s *soak) checkBystanders(ctx context.Context) error {
	s.bystandersMu.Lock()
	defer s.bystandersMu.Unlock()
	for _, b := range s.bystanders {
		object, err := s.members[b.member].Resource(resources[b.resource].copies).Namespace(b.namespace).Get(ctx, b.name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("%s in %s is nobody's business: %w", b.name, b.member, err)
		}
		if object.GetUID() != b.uid || object.GetResourceVersion() != b.version {
			return fmt.Errorf("%s in %s is nobody's business, and was changed: UID %s version %s, made as %s, %s",
				b.name, b.member, object.GetUID(), object.GetResourceVersion(), b.uid, b.version)
		}
	}
	return nil
}
