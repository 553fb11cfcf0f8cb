package unjoin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"

	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
)

// cleanNamespace deletes the system namespace of the member when join made it,
// it is not the host's, and nothing is in it but what every namespace has.
func (m *member) cleanNamespace(ctx context.Context, hostUID types.UID) error {
	namespaces := m.kube.CoreV1().Namespaces()
	namespace, err := namespaces.Get(ctx, m.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the system namespace: %w", err)
	}
	switch {
	case namespace.UID == hostUID:
		m.report.Note("%s: Namespace %s stays: it is that of the host", m.Cluster, m.Namespace)
		return nil
	case !membership.IsOurs(namespace):
		m.report.Note("%s: Namespace %s stays: it was not made by join", m.Cluster, m.Namespace)
		return nil
	case m.dryRun:
		m.report.Done("%s: Namespace %s would be deleted if nothing else is in it", m.Cluster, m.Namespace)
		return nil
	}
	m.report.Doing("%s: looking for what else is in Namespace %s", m.Cluster, m.Namespace)
	left, err := m.contents(ctx, m.Namespace)
	if err != nil {
		return fmt.Errorf("looking for what is in namespace %q, which is therefore left: %w", m.Namespace, err)
	}
	if len(left) > 0 {
		m.report.Note("%s: Namespace %s stays: in it are %s", m.Cluster, m.Namespace, some(left))
		return nil
	}
	return ours(ctx, m.deletion, m.Cluster, "Namespace", m.Namespace, namespaces)
}

// provided are the objects that a cluster puts into every namespace.
var provided = []string{"configmaps/kube-root-ca.crt", "serviceaccounts/default"}

// transient are the resources that are not anybody's work.
var transient = []string{"events", "leases", "endpoints", "endpointslices"}

// some names the first of many.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// contents lists what is in a namespace, as resource/name. It fails if any
// resource cannot be listed: then nobody knows.
func (m *member) contents(ctx context.Context, namespace string) ([]string, error) {
	lists, err := m.kube.Discovery().ServerPreferredNamespacedResources()
	if err != nil {
		return nil, err
	}
	lists = discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, lists)
	var found []string
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range list.APIResources {
			if slices.Contains(transient, resource.Name) {
				continue
			}
			objects, err := m.meta.Resource(version.WithResource(resource.Name)).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 100})
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, object := range objects.Items {
				name := resource.Name + "/" + object.Name
				if object.DeletionTimestamp == nil && !slices.Contains(provided, name) {
					found = append(found, name)
				}
			}
		}
	}
	return found, nil
}
