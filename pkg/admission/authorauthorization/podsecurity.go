package authorauthorization

import (
	"context"
	"fmt"
	"maps"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

const (
	// podSecurityPrefix is that of labels that say how much pods may do in a
	// namespace.
	podSecurityPrefix = "pod-security.kubernetes.io/"
	// relaxPodSecurity is the verb, on federatednamespaces, for other such labels in
	// the members than in the host.
	relaxPodSecurity = "relax-pod-security"
)

// checkPodSecurity lets nobody say by a FederatedNamespace what pods may do in the
// members, unless it is what they may do in the host's namespace, or is said
// already.
func (w *write) checkPodSecurity(ctx context.Context, t *target, v variants, old *typesv1beta1.FederatedObject) error {
	relax := question{verb: relaxPodSecurity, resource: w.resource, namespace: w.namespace, name: w.name}
	if v.incomplete {
		return w.needs(ctx, relax, fmt.Sprintf("spec.overrides: the labels that the namespace has in the members cannot be told, as more than %d combinations of overrides are possible", mostVariants), relaxPodSecurity)
	}
	wanted, err := podSecurity(v)
	if err != nil {
		return w.refuse("spec.template.metadata.labels: %v", err)
	}
	var before []map[string]string
	if old != nil {
		if before, err = podSecurity(variantsOf(old, t)); err != nil {
			before = nil
		}
	}
	keys := sets.New[string]()
	for _, labels := range append(wanted, before...) {
		keys = keys.Union(sets.KeySet(labels))
	}
	if len(keys) == 0 || sameLabels(wanted, before) {
		return nil
	}
	inHost, err := w.podSecurityInHost()
	if err != nil {
		return err
	}
	for _, key := range sets.List(keys) {
		for _, labels := range wanted {
			value, has := labels[key]
			if !has && !everywhere(before, key) {
				continue // it is not taken away, and the members' own default holds
			}
			if inHostValue, hasInHost := inHost[key]; has == hasInHost && value == inHostValue {
				continue
			}
			why := fmt.Sprintf("the label %s of the namespace in the members, %s, is not that of the host's namespace, %s", key, said(labels, key), said(inHost, key))
			return w.needs(ctx, relax, why, relaxPodSecurity)
		}
	}
	return nil
}

// everywhere says whether each of the objects had a label.
func everywhere(before []map[string]string, key string) bool {
	for _, labels := range before {
		if _, has := labels[key]; !has {
			return false
		}
	}
	return len(before) > 0
}

func said(labels map[string]string, key string) string {
	if value, ok := labels[key]; ok {
		return fmt.Sprintf("%q", value)
	}
	return "none"
}

func (w *write) podSecurityInHost() (map[string]string, error) {
	if !w.WaitForReady() {
		return nil, apierrors.NewServiceUnavailable("the host's namespaces are not known yet")
	}
	namespace, err := w.namespaces.Get(w.name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("cannot read the host's namespace %q: %v", w.name, err))
	}
	return onlyPodSecurity(namespace.Labels), nil
}

// podSecurity are the labels of each object that are about pods.
func podSecurity(v variants) ([]map[string]string, error) {
	all, err := v.labels()
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = onlyPodSecurity(all[i])
	}
	return all, nil
}

func onlyPodSecurity(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	maps.DeleteFunc(labels, func(key, _ string) bool { return !strings.HasPrefix(key, podSecurityPrefix) })
	return labels
}

// sameLabels says whether two lists of labels have the same members.
func sameLabels(a, b []map[string]string) bool {
	set := func(list []map[string]string) sets.Set[string] {
		texts := sets.New[string]()
		for _, labels := range list {
			texts.Insert(fmt.Sprint(labels)) // in the order of the keys
		}
		return texts
	}
	return set(a).Equal(set(b))
}
