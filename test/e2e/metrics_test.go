package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/component-base/metrics/testutil"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// metrics reads the federation server's own metrics, which the host does not hand on.
func (f *federation) metrics() testutil.Metrics {
	f.t.Helper()
	metrics := testutil.NewMetrics()
	require.NoError(f.t, testutil.ParseMetrics(string(f.server("/metrics")), &metrics))
	return metrics
}

// sample returns the value of a series; found is false without one.
func sample(metrics testutil.Metrics, name string, labels map[string]string) (value float64, found bool) {
	for _, s := range metrics[name] {
		matches := true
		for label, value := range labels {
			matches = matches && string(s.Metric[testutil.LabelName(label)]) == value
		}
		if matches {
			value, found = value+float64(s.Value), true
		}
	}
	return value, found
}

func TestMetrics(t *testing.T) {
	f := setup(t)
	namespace := f.namespace(cluster1, cluster2)
	f.create(federatedConfigMaps, federatedConfigMap(namespace, "web", "1", cluster1, cluster2))
	f.awaitReady(federatedConfigMaps, namespace, "web")
	f.patch(env.HostName, federatedConfigMaps, namespace, "web", `{"spec":{"template":{"data":{"key":"2"}}}}`)
	f.awaitReady(federatedConfigMaps, namespace, "web")
	f.kubectl("delete", "-n", namespace, "fcm", "web", timeoutFlag)

	now := f.metrics()
	for name, labels := range map[string]map[string]string{
		"federation_propagation_duration_seconds_count":        {"type": "configmaps"},
		"reconcile_federated_resources_duration_seconds_count": {"type": "configmaps"},
		"cluster_health_status_duration_seconds_count":         nil,
		"cluster_client_connection_duration_seconds_count":     nil,
		"dispatch_operation_duration_seconds_count":            {"action": "create"},
		"dispatch_operation_duration_seconds_sum":              {"action": "update"},
		"dispatch_operation_duration_seconds_bucket":           {"action": "delete"},
		"federation_copy_duration_seconds_count":               {"cluster": cluster1},
		"federation_status_writes_total":                       {"type": "configmaps", "result": "ok"},
		"federation_objects":                                   {"type": "namespaces", "state": "ready"},
		"federation_objects_longest_seconds":                   {"type": "namespaces", "state": "ready"},
		"federation_copies":                                    {"cluster": cluster2, "status": "OK"},
		"federation_member_types":                              {"cluster": cluster3, "state": "watched"},
		"federation_member_requests_limit":                     {"cluster": cluster1},
		"federation_member_last_probe_timestamp_seconds":       {"cluster": cluster1},
		"federation_member_last_answer_timestamp_seconds":      {"cluster": cluster1},
		"federation_type_served":                               {"type": "configmaps"},
		"federation_type_propagating":                          {"type": "configmaps"},
		"federation_leader":                                    nil,
		"etcd_mvcc_db_total_size_in_bytes":                     nil,
		"etcd_server_quota_backend_bytes":                      nil,
		"etcd_disk_wal_fsync_duration_seconds_count":           nil,
	} {
		value, found := sample(now, name, labels)
		assert.True(t, found && value > 0, "%s %v: %v, %t", name, labels, value, found)
	}
	for _, action := range []string{"create", "update", "delete"} {
		value, _ := sample(now, "federation_member_requests_total", map[string]string{"cluster": cluster1, "action": action, "result": "ok"})
		assert.Positive(t, value, action)
	}
	alarm, found := sample(now, "federation_etcd_alarm", map[string]string{"alarm": "NOSPACE"})
	assert.True(t, found)
	assert.Zero(t, alarm)
	pending, found := sample(now, "federation_pending_removals", map[string]string{"cluster": cluster2})
	assert.True(t, found)
	assert.Zero(t, pending)
	joined, _ := sample(now, "joined_cluster_total", nil)
	assert.GreaterOrEqual(t, joined, 3.0)
	ready, found := sample(now, "kubefedcluster_total", map[string]string{"state": "ready", "cluster": cluster1})
	assert.True(t, found)
	assert.InDelta(t, 1, ready, 0)

	// What goes takes its series with it.
	config := "serviceaccounts"
	f.patch(env.HostName, federatedTypeConfigs, env.SystemNamespace, config, `{"spec":{"propagation":"Disabled"}}`)
	t.Cleanup(func() {
		f.kubectlAfter("patch", "-n", env.SystemNamespace, "federatedtypeconfig", config, "--type=merge", "-p", `{"spec":{"propagation":"Enabled"}}`)
	})
	f.awaitCopy(env.HostName, federatedTypeConfigs, env.SystemNamespace, config, hasString("NotRunning", "status", "propagationController"))
	f.eventually("the series to be gone", func() error {
		if _, found := sample(f.metrics(), "reconcile_federated_resources_duration_seconds_count", map[string]string{"type": config}); found {
			return fmt.Errorf("there are some of %s still", config)
		}
		return nil
	})
}
