package conformance

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

var discoveryRows = []row{
	{number: 1, name: "apiservice available", once: true, check: apiServicesAvailable},
	{number: 2, name: "aggregated discovery", check: aggregatedDiscovery},
	{number: 3, name: "legacy discovery", check: legacyDiscovery},
	{number: 5, name: "storage version hash", applies: []condition{writable}, check: func(c *trial) {
		require.NotEmpty(c, c.kind.storageVersionHash, "stored kinds have a storageVersionHash in discovery")
	}},
	{number: 6, name: "openapi v3", check: openAPIv3},
	{number: 6, name: "openapi v3 caching", once: true, check: openAPIv3Caching},
	{number: 7, name: "openapi v2", check: openAPIv2},
	{number: 8, name: "health", once: true, applies: []condition{directly}, check: health},
	{number: 9, name: "version and metrics", once: true, applies: []condition{directly}, check: versionAndMetrics},
}

func apiServicesAvailable(c *trial) {
	for _, k := range c.kinds {
		// Where the machine is busy the host may have had no answer in time when it asked last.
		var status map[string]any
		err := pollFor(hostPatience, interval, func() bool {
			found := c.suite.hostPath().send(c.TB, request{method: http.MethodGet, path: "/apis/apiregistration.k8s.io/v1/apiservices/" + k.version + "." + k.group})
			require.Equal(c, http.StatusOK, found.code, found)
			status, _ = found.json(c)["status"].(map[string]any)
			return slices.ContainsFunc(items(status, "conditions"), func(condition map[string]any) bool {
				return condition["type"] == "Available" && condition["status"] == "True"
			})
		})
		require.NoError(c, err, "%s.%s: %v", k.version, k.group, status)
	}
}

const aggregatedDiscoveryType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

func aggregatedDiscovery(c *trial) {
	var version map[string]any
	err := pollFor(hostPatience, time.Second, func() bool {
		version = c.discoveredVersion()
		return version != nil && version["freshness"] == "Current"
	})
	require.NoError(c, err, "%v", version)
	for _, resource := range items(version, "resources") {
		if resource["resource"] == c.kind.resource {
			sameAsLegacy(c, resource)
			return
		}
	}
	require.Fail(c, "aggregated discovery does not show the kind", version)
}

// discoveredVersion returns the version of the kind in aggregated discovery, nil if
// there is none.
func (c *trial) discoveredVersion() map[string]any {
	found := c.send(request{method: http.MethodGet, path: "/apis", header: map[string]string{"Accept": aggregatedDiscoveryType}})
	require.Equal(c, http.StatusOK, found.code, found)
	require.Contains(c, found.header.Get("Content-Type"), "as=APIGroupDiscoveryList")
	for _, group := range items(found.json(c), "items") {
		metadata, _ := group["metadata"].(map[string]any)
		if metadata["name"] != c.kind.group {
			continue
		}
		for _, version := range items(group, "versions") {
			if version["version"] == c.kind.version {
				return version
			}
		}
	}
	return nil
}

func sameAsLegacy(c *trial, resource map[string]any) {
	response, _ := resource["responseKind"].(map[string]any)
	require.Equal(c, c.kind.kind, response["kind"])
	// Without group and version it is of those around it, as Kubernetes has it.
	require.Contains(c, []any{"", c.kind.group}, response["group"])
	require.Contains(c, []any{"", c.kind.version}, response["version"])
	require.Equal(c, c.kind.singular, resource["singularResource"])
	require.ElementsMatch(c, c.kind.verbs, words(resource["verbs"]))
	require.ElementsMatch(c, c.kind.shortNames, words(resource["shortNames"]))
	require.ElementsMatch(c, c.kind.categories, words(resource["categories"]))
	require.Equal(c, map[bool]string{true: "Namespaced", false: "Cluster"}[c.kind.namespaced], resource["scope"])
	status := false
	for _, sub := range items(resource, "subresources") {
		status = status || sub["subresource"] == "status"
	}
	require.Equal(c, c.kind.status, status, "subresource status")
	if !c.kind.readOnly() {
		require.NotEmpty(c, c.kind.categories, "kubectl finds the kind by a category")
	}
}

func legacyDiscovery(c *trial) {
	require.NotEmpty(c, c.kind.singular, "singularName")
	require.Equal(c, strings.ToLower(c.kind.kind), c.kind.singular)
	require.NotEmpty(c, c.kind.verbs)
	found := c.get("/apis")
	require.Equal(c, "APIGroupList", found.json(c)["kind"])
	for _, group := range items(found.json(c), "groups") {
		if group["name"] != c.kind.group {
			continue
		}
		preferred, _ := group["preferredVersion"].(map[string]any)
		var versions []any
		for _, version := range items(group, "versions") {
			versions = append(versions, version["groupVersion"])
		}
		require.Contains(c, versions, preferred["groupVersion"])
		require.Contains(c, versions, c.kind.apiVersion())
		return
	}
	require.Fail(c, "/apis does not show the group", found)
}

func health(c *trial) {
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		found := c.get(path, "verbose", "")
		require.Equal(c, http.StatusOK, found.code, found)
		require.Contains(c, string(found.body), "[+]etcd ok", path)
		require.Contains(c, string(found.body), "[+]poststarthook/", path)
	}
	require.Contains(c, string(c.get("/readyz", "verbose", "").body), "[+]informer-sync ok")
}

func versionAndMetrics(c *trial) {
	found := c.get("/version")
	require.Equal(c, http.StatusOK, found.code, found)
	require.NotEmpty(c, found.json(c)["gitVersion"])
	require.Contains(c, string(c.get("/metrics").body), "apiserver_request_total")
	nobody := c.anonymous()
	c.refused(nobody.send(c.TB, request{method: http.MethodGet, path: "/metrics"}), http.StatusUnauthorized, http.StatusForbidden)
}
