package server

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	"k8s.io/client-go/rest"
)

// aggregatedDiscovery is how the host asks for all groups at once.
const aggregatedDiscovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// TestDiscoveryIsWholeAcrossRestarts polls the list of all groups while the server is restarted again and again, by
// signal and by force. It never lists the federated types without their kinds: the host would take them for gone, and
// namespaces would end with objects left in them. A refusal is right.
func TestDiscoveryIsWholeAcrossRestarts(t *testing.T) {
	const restarts = 6
	dataDir := t.TempDir()
	s := start(t, dataDir)
	s.enable()
	refused, whole := 0, 0
	for i := range restarts {
		if i%2 == 0 {
			s.terminate()
		} else {
			s.kill()
		}
		s = launch(t, dataDir)
		client, err := rest.HTTPClientFor(s.config())
		require.NoError(t, err)
		client.Timeout = 5 * time.Second
		require.Eventually(t, func() bool {
			kinds, code := kindsOf(t, client, s.endpoint)
			switch code {
			case http.StatusOK:
				require.ElementsMatch(t, []string{"FederatedConfigMap", "FederatedNamespace"}, kinds, "in restart %d", i)
				whole++
			case http.StatusServiceUnavailable:
				refused++
			}
			ready, _ := s.probe("/readyz")
			return code == http.StatusOK && ready == http.StatusOK
		}, patience, time.Millisecond)
	}
	require.GreaterOrEqual(t, whole, restarts)
	t.Logf("refused %d times, answered %d times", refused, whole)
}

// kindsOf returns the kinds of types.kubefed.io in the list of all groups, or else the code of the answer, 0 if there
// is none.
func kindsOf(t *testing.T, client *http.Client, endpoint string) (kinds []string, code int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/apis", nil)
	require.NoError(t, err)
	request.Header.Set("Accept", aggregatedDiscovery)
	response, err := client.Do(request)
	if err != nil {
		return nil, 0 // it does not listen yet
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, response.StatusCode
	}
	var list apidiscoveryv2.APIGroupDiscoveryList
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil, 0 // cut off
	}
	for _, group := range list.Items {
		if group.Name != "types.kubefed.io" {
			continue
		}
		for _, version := range group.Versions {
			for _, resource := range version.Resources {
				kinds = append(kinds, resource.ResponseKind.Kind)
			}
		}
	}
	return kinds, http.StatusOK
}
