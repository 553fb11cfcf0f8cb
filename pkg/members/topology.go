package members

import (
	"cmp"
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Labels of nodes that say where they are, the current ones first.
var (
	regionLabels = []string{corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaRegion}
	zoneLabels   = []string{corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone}
)

const nodesPerPage = 500

// Topology returns where the nodes of the member are: the region of most of them
// (empty when no node names one), and all zones, sorted.
func (m *Member) Topology(ctx context.Context) (region string, zones []string, err error) {
	conn, err := m.connection()
	if err != nil {
		return "", nil, err
	}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	found := newPlaces()
	// From the member's cache, which is good enough for where nodes are.
	options := metav1.ListOptions{ResourceVersion: "0", Limit: nodesPerPage}
	for {
		page, err := conn.metadata.Resource(resource).List(ctx, options)
		if err != nil {
			return "", nil, conn.errorOf(ctx, resource, err)
		}
		for i := range page.Items {
			found.add(page.Items[i].Labels)
		}
		if page.Continue == "" {
			return found.region(), found.zones(), nil
		}
		options = metav1.ListOptions{Limit: nodesPerPage, Continue: page.Continue}
	}
}

// places counts nodes by where they are.
type places struct {
	inRegion, inZone map[string]int
}

func newPlaces() places {
	return places{inRegion: map[string]int{}, inZone: map[string]int{}}
}

// add counts a node by its labels.
func (p places) add(labels map[string]string) {
	count(p.inRegion, labels, regionLabels)
	count(p.inZone, labels, zoneLabels)
}

// count counts the value of the first of names that labels have.
func count(counts map[string]int, labels map[string]string, names []string) {
	for _, name := range names {
		if value := labels[name]; value != "" {
			counts[value]++
			return
		}
	}
}

// region returns that of most nodes, and of several the first by name.
func (p places) region() string {
	regions := slices.SortedFunc(maps.Keys(p.inRegion), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.inRegion[b], p.inRegion[a]), cmp.Compare(a, b))
	})
	if len(regions) == 0 {
		return ""
	}
	return regions[0]
}

// zones returns all, sorted.
func (p places) zones() []string {
	return slices.Sorted(maps.Keys(p.inZone))
}
