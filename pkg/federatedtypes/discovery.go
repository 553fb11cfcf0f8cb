package federatedtypes

import (
	"cmp"
	"slices"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/discovery"
	clientdiscovery "k8s.io/client-go/discovery"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func apiGroup() metav1.APIGroup {
	gv := typesv1beta1.SchemeGroupVersion
	version := metav1.GroupVersionForDiscovery{GroupVersion: gv.String(), Version: gv.Version}
	return metav1.APIGroup{
		Name:             gv.Group,
		Versions:         []metav1.GroupVersionForDiscovery{version},
		PreferredVersion: version,
	}
}

// discoverable is the discovery document of the version, with all its kinds.
func (s *Server) discoverable() apidiscoveryv2.APIVersionDiscovery {
	document := apidiscoveryv2.APIVersionDiscovery{
		Version:   typesv1beta1.SchemeGroupVersion.Version,
		Freshness: apidiscoveryv2.DiscoveryFreshnessCurrent,
		Resources: []apidiscoveryv2.APIResourceDiscovery{},
	}
	for _, kind := range s.Kinds() {
		document.Resources = append(document.Resources, kind.served.Load().resources...)
	}
	return document
}

// apiResources is the same in the older form.
func (s *Server) apiResources() []metav1.APIResource {
	gv := typesv1beta1.SchemeGroupVersion
	_, byVersion, _ := clientdiscovery.SplitGroupsAndResources(apidiscoveryv2.APIGroupDiscoveryList{
		Items: []apidiscoveryv2.APIGroupDiscovery{{
			ObjectMeta: metav1.ObjectMeta{Name: gv.Group},
			Versions:   []apidiscoveryv2.APIVersionDiscovery{s.discoverable()},
		}},
	})
	list := byVersion[schema.GroupVersion{Group: gv.Group, Version: gv.Version}]
	if list == nil {
		return []metav1.APIResource{}
	}
	for i := range list.APIResources {
		resource := &list.APIResources[i]
		if kind, ok := s.Kind(resource.Name); ok {
			resource.StorageVersionHash = discovery.StorageVersionHash(gv.Group, gv.Version, kind.kind.Kind)
		}
	}
	return list.APIResources
}

// Kinds returns the kinds that are served, by resource name.
func (s *Server) Kinds() []*Kind {
	byResource := *s.byResource.Load()
	kinds := make([]*Kind, 0, len(byResource))
	for _, kind := range byResource {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b *Kind) int { return cmp.Compare(a.resource.Resource, b.resource.Resource) })
	return kinds
}

// Kind returns the kind that a resource of the group is served by.
func (s *Server) Kind(resource string) (*Kind, bool) {
	kind, ok := (*s.byResource.Load())[resource]
	return kind, ok
}

// KindNamed returns the kind with the name that manifests have.
func (s *Server) KindNamed(name string) (*Kind, bool) {
	for _, kind := range *s.byResource.Load() {
		if kind.kind.Kind == name {
			return kind, true
		}
	}
	return nil, false
}
