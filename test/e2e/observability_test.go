package e2e

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// hour is until when scenarios go: every alert has had the time to fire.
const hour = 3600

func to(value float64) *float64 { return &value }

// TestAlertsAndDashboards judges what is in deploy/observability by what the server exposes: every metric that is asked
// for exists, every panel shows something, nothing fires while all is well, and every alert fires when it shall.
func TestAlertsAndDashboards(t *testing.T) {
	f := setup(t)
	dir := t.TempDir()
	namespace := f.namespace(cluster1, cluster2, cluster3)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "web", "0", cluster1, cluster2, cluster3))
	f.create(federatedDeployments, federatedDeployment(namespace, "web", 1, cluster1))
	f.awaitReady(federatedDeployments, namespace, "web")
	f.awaitReady(federatedConfigMaps, namespace, "web")
	scrapes := f.scrapes(dir, 0)
	f.patch(env.HostName, federatedConfigMaps, namespace, "web", `{"spec":{"template":{"data":{"key":"1"}}}}`)
	f.awaitReady(federatedConfigMaps, namespace, "web")
	f.kubectl("delete", "-n", namespace, "fdeploy", "web", timeoutFlag)
	scrapes = append(scrapes, f.scrapes(dir, 60)...)

	rules := []string{observability("rules.yaml")}
	dashboards, err := filepath.Glob(observability("dashboards", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, dashboards)

	const member = `{cluster="cluster1"`
	scenarios := []struct {
		alert   string
		labels  map[string]string
		changes []change
		// others fire too, and rightly.
		others []string
	}{
		{"FederationNoLeader", nil, []change{{Select: `federation_leader`, To: to(0)}}, nil},
		{"FederationTwoLeaders", nil, []change{{Select: `federation_leader`, To: to(1), As: map[string]string{"instance": "another"}}}, nil},
		{"FederationInRecovery", nil, []change{{Select: `federation_recovery`, To: to(1)}}, nil},
		{"FederationRequestsFailing", nil, []change{{Select: `apiserver_request_total{code="200"}`, Rate: 1, As: map[string]string{"code": "503"}}}, nil},
		{"FederationRequestsSlow", nil, []change{{Select: `apiserver_request_sli_duration_seconds_bucket{verb="POST",le=~"30|45|60|[+]Inf"}`, Rate: 1}}, nil},
		{"FederationMemberNotProbed", map[string]string{"cluster": cluster1}, []change{{Select: `federation_member_last_probe_timestamp_seconds` + member + `}`, To: to(0)}}, nil},
		{"FederationMemberCredentialsAtRisk", map[string]string{"cluster": cluster1}, []change{{Select: `federation_member_credentials_at_risk` + member + `}`, To: to(1)}}, nil},
		{"FederationMemberRequestsFailing", map[string]string{"cluster": cluster1},
			[]change{{Select: `federation_member_requests_total` + member + `,action="update",result="ok"}`, Rate: 1, As: map[string]string{"result": "forbidden"}}}, nil},
		{"FederationQueueGrowing", map[string]string{"name": "propagation_member_cluster2"},
			[]change{{Select: `workqueue_depth{name="propagation_member_cluster2"}`, Rate: 1}}, nil},
		{"FederationTypesNotWatched", map[string]string{"cluster": cluster1}, []change{{Select: `federation_member_types` + member + `,state="failed"}`, To: to(2)}}, nil},
		{"FederationPropagationSlow", nil, []change{{Select: `federation_propagation_duration_seconds_bucket{type="configmaps",le=~"60|300|[+]Inf"}`, Rate: 1}}, nil},
		{"FederatedObjectsNotReady", map[string]string{"type": "configmaps"},
			[]change{{Select: `federation_objects_longest_seconds{type="configmaps",state="progressing"}`, Rate: 1}}, nil},
		{"FederatedObjectsStalled", map[string]string{"type": "configmaps"},
			[]change{{Select: `federation_objects_longest_seconds{type="configmaps",state="stalled"}`, Rate: 1}}, nil},
		{"FederatedObjectsDeletionStuck", map[string]string{"type": "configmaps"},
			[]change{{Select: `federation_objects_longest_seconds{type="configmaps",state="deleting"}`, Rate: 1}}, nil},
		{"FederationStatusWritesFailing", map[string]string{"type": "configmaps"},
			[]change{{Select: `federation_status_writes_total{type="configmaps",result="error"}`, Rate: 1}}, nil},
		{"FederationMassRemoval", map[string]string{"cluster": cluster1},
			[]change{{Select: `federation_member_requests_total` + member + `,action="delete",result="ok"}`, Rate: 1}}, nil},
		{"FederationRemovalsPaused", map[string]string{"type": "configmaps", "reason": "EmptyPlacement"},
			[]change{{Select: `federation_removals_paused{type="configmaps",reason="EmptyPlacement"}`, To: to(3)}}, nil},
		{"FederatedTypeNotServed", map[string]string{"type": "jobs.batch"}, []change{{Select: `federation_type_served{type="jobs.batch"}`, To: to(0)}}, nil},
		{"FederationDatabaseFilling", nil, []change{{Select: `etcd_mvcc_db_total_size_in_bytes{job="` + serverJob + `"}`, To: to(7 << 30)}}, nil},
		{"FederationDatabaseAlarm", map[string]string{"alarm": "NOSPACE"}, []change{{Select: `federation_etcd_alarm{alarm="NOSPACE"}`, To: to(1)}}, nil},
		{"FederationStorageSlow", nil, []change{{Select: `etcd_request_duration_seconds_bucket{job="` + serverJob + `",operation="get",le=~"15|30|60|[+]Inf"}`, Rate: 1}}, nil},
	}
	request := promcheck{Rules: rules, Dashboards: dashboards, Scrapes: scrapes, Scenarios: []scenario{{Name: "all is well", Until: hour, Changes: []change{}}}}
	for _, s := range scenarios {
		request.Scenarios = append(request.Scenarios, scenario{Name: s.alert, Until: hour, Changes: s.changes})
	}
	verdict := f.judge(request)
	require.Empty(t, verdict.Errors)
	require.Len(t, verdict.Scenarios, len(scenarios)+1)
	for _, alert := range verdict.Alerts {
		assert.Empty(t, alert.Missing, "alert %s asks for metrics that do not exist", alert.Name)
	}
	for _, query := range verdict.Queries {
		assert.Empty(t, query.Missing, "%s: panel %s asks for metrics that do not exist", query.Dashboard, query.Panel)
		assert.Positive(t, query.Series, "%s: panel %s shows nothing: %s", query.Dashboard, query.Panel, query.Expression)
	}
	assert.Empty(t, verdict.Scenarios[0].Firing, "all is well")
	shown := map[string]bool{}
	for i, s := range scenarios {
		shown[s.alert] = true
		firing := verdict.Scenarios[i+1].Firing
		requireFires(t, firing, s.alert, s.labels)
		for _, other := range firing {
			assert.True(t, other.Alert == s.alert || slices.Contains(s.others, other.Alert), "%s fires when %s shall: %v", other.Alert, s.alert, other.Labels)
		}
	}

	t.Run("a member that is down", func(t *testing.T) {
		f := f.in(t)
		f.configure(quickHealthChecks)
		require.NoError(t, f.Member(cluster3).RefuseNetwork(f.ctx()))
		t.Cleanup(func() { require.NoError(t, f.Member(cluster3).RestoreNetwork(context.Background())) })
		f.eventually("the metrics to say so", func() error {
			if ready, found := sample(f.metrics(), "kubefedcluster_total", map[string]string{"state": "ready", "cluster": cluster3}); !found || ready != 0 {
				return fmt.Errorf("ready: %v, %t", ready, found)
			}
			return nil
		})
		down := append(slices.Clone(scrapes), f.scrapes(t.TempDir(), 120)...)
		require.NoError(t, f.Member(cluster3).RestoreNetwork(f.ctx()))
		firing := f.firing(rules, down)
		require.Len(t, firing, 1, "%v", firing)
		requireFires(t, firing, "FederationMemberNotReady", map[string]string{"cluster": cluster3, "severity": "warning"})
		assert.Contains(t, firing[0].Annotations["description"], "Cluster cluster3 ")
		shown["FederationMemberNotReady"] = true

		verdict := f.judge(promcheck{Rules: rules, Scrapes: down, Scenarios: []scenario{
			{Name: "most", Until: hour, Changes: []change{{Select: `kubefedcluster_total{state="ready",cluster="cluster2"}`, To: to(0)}}},
		}})
		requireFires(t, verdict.Scenarios[0].Firing, "FederationMostMembersNotReady", nil)
		shown["FederationMostMembersNotReady"] = true
		f.awaitCopy(env.HostName, env.KubeFedClusters, env.SystemNamespace, cluster3, func(cluster *unstructured.Unstructured) error {
			return hasClusterCondition(cluster, "Ready", "True")
		})
	})

	t.Run("a server that is down", func(t *testing.T) {
		f := f.in(t)
		require.NoError(t, f.Federation().Stop(f.ctx()))
		const types = "v1beta1.types.kubefed.io"
		stopped := true
		start := func() {
			if stopped {
				stopped = false
				require.NoError(t, f.Federation().Start(context.Background()))
			}
		}
		t.Cleanup(start)
		// The host looks at an APIService from time to time, and when it changes.
		f.kubectl("annotate", "apiservice", types, "observed=yes")
		defer f.kubectl("annotate", "apiservice", types, "observed-")
		f.eventually("the host to notice", func() error {
			status := f.kubectl("get", "apiservice", types, "-o", `jsonpath={.status.conditions[?(@.type=="Available")].status}`)
			if status != "False" {
				return fmt.Errorf("available: %s", status)
			}
			return nil
		})
		host := f.scrapeHost(t.TempDir(), 120)
		start()
		firing := f.firing(rules, append(slices.Clone(scrapes), host, scrape{At: 120, Labels: target(serverJob), Down: true}))
		requireFires(t, firing, "FederationServerDown", map[string]string{"severity": "critical"})
		requireFires(t, firing, "FederationReplicaDown", map[string]string{"instance": serverJob + "-0"})
		requireFires(t, firing, "FederationAPIUnavailable", map[string]string{"name": types})
		for _, alert := range firing {
			shown[alert.Alert] = true
			assert.Contains(t, []string{"FederationServerDown", "FederationReplicaDown", "FederationAPIUnavailable"}, alert.Alert)
		}
	})

	for _, alert := range verdict.Alerts {
		assert.True(t, shown[alert.Name], "nothing here shows that alert %s fires", alert.Name)
	}
}

// firing are the alerts that fire when what was scraped last goes on for long.
func (f *federation) firing(rules []string, scrapes []scrape) []alert {
	f.t.Helper()
	verdict := f.judge(promcheck{Rules: rules, Scrapes: scrapes, Scenarios: []scenario{{Name: "as scraped", Until: hour, Changes: []change{}}}})
	require.Empty(f.t, verdict.Errors)
	require.Len(f.t, verdict.Scenarios, 1)
	return verdict.Scenarios[0].Firing
}

func requireFires(t *testing.T, firing []alert, name string, labels map[string]string) {
	t.Helper()
	for _, a := range firing {
		if a.Alert != name {
			continue
		}
		has := maps.Clone(a.Labels)
		maps.DeleteFunc(has, func(label, value string) bool { return labels[label] != value })
		if len(has) == len(labels) {
			return
		}
	}
	require.Fail(t, "alert "+name+" does not fire", "with %v; firing: %v", labels, firing)
}
