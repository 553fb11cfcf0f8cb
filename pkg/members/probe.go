package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// Limits of what is read of an answer to a probe, in bytes: a member is not trusted.
const (
	healthLimit  = 1 << 10
	versionLimit = 64 << 10
	nodesPerPage = 500
)

// ConfigurationError returns what is wrong with the configuration of the member,
// in words for its status; nil when a connection could be built.
func (m *Member) ConfigurationError() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.malformed
}

// probed returns the connection for a probe, which goes out whatever is known of
// the member's health.
func (m *Member) probed() (*connection, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.ctx.Err() != nil:
		return nil, errRemoved
	case m.malformed != nil:
		return nil, m.malformed
	}
	return m.conn, nil
}

// Probe asks the member for its health. When it answers, healthy says whether
// with "ok", and answer repeats what it said otherwise, in a few words. err is not
// nil when it cannot be reached before ctx ends.
func (m *Member) Probe(ctx context.Context) (healthy bool, answer string, err error) {
	status, body, err := m.get(ctx, "/healthz", healthLimit)
	if err != nil {
		return false, "", err
	}
	text := strings.TrimSpace(string(body))
	if status == http.StatusOK && strings.EqualFold(text, "ok") {
		return true, "", nil
	}
	return false, fmt.Sprintf("%d %s", status, http.StatusText(status)), nil
}

// Version returns the Kubernetes version of the member, such as v1.37.1.
func (m *Member) Version(ctx context.Context) (string, error) {
	status, body, err := m.get(ctx, "/version", versionLimit)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("member %s: /version was answered with %d %s", m.name, status, http.StatusText(status))
	}
	var info version.Info
	if err := json.Unmarshal(body, &info); err != nil {
		return "", fmt.Errorf("member %s: reading /version: %w", m.name, err)
	}
	if len(info.GitVersion) > 128 {
		return "", fmt.Errorf("member %s: its version is longer than 128 characters", m.name)
	}
	return info.GitVersion, nil
}

// get reads up to limit bytes at a path of the member.
func (m *Member) get(ctx context.Context, path string, limit int64) (status int, body []byte, err error) {
	conn, err := m.probed()
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(probing(ctx), http.MethodGet, conn.endpoint.JoinPath(path).String(), nil)
	if err != nil {
		return 0, nil, fmt.Errorf("member %s: %w", m.name, err)
	}
	response, err := conn.http.Do(request)
	if err != nil {
		return 0, nil, m.probeError(ctx, err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return 0, nil, m.probeError(ctx, err)
	}
	return response.StatusCode, body, nil
}

func (m *Member) probeError(ctx context.Context, err error) error {
	err = plain(err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &TimeoutError{Member: m.name, Err: context.DeadlineExceeded}
	}
	return err
}

// Labels of nodes that say where they are, the current ones first.
var (
	regionLabels = []string{corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaRegion}
	zoneLabels   = []string{corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone}
)

// Topology returns where the nodes of the member are: the region of most of them
// (empty when no node names one), and all zones, sorted.
func (m *Member) Topology(ctx context.Context) (region string, zones []string, err error) {
	conn, err := m.connection()
	if err != nil {
		return "", nil, err
	}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	regions, zoneSet := map[string]int{}, map[string]int{}
	// From the member's cache, which is good enough for where nodes are.
	options := metav1.ListOptions{ResourceVersion: "0", Limit: nodesPerPage}
	for {
		page, err := conn.metadata.Resource(resource).List(ctx, options)
		if err != nil {
			return "", nil, conn.errorOf(ctx, resource, err)
		}
		for i := range page.Items {
			count(regions, page.Items[i].Labels, regionLabels)
			count(zoneSet, page.Items[i].Labels, zoneLabels)
		}
		if page.Continue == "" {
			break
		}
		options = metav1.ListOptions{Limit: nodesPerPage, Continue: page.Continue}
	}
	for name, n := range regions {
		if n > regions[region] || n == regions[region] && name < region {
			region = name
		}
	}
	for name := range zoneSet {
		zones = append(zones, name)
	}
	slices.Sort(zones)
	return region, zones, nil
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
