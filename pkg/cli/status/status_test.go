package status

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/exit"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

var (
	now     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	created = now.Add(-10 * time.Hour)
	changed = now.Add(-3 * time.Minute)
)

func object(generation, observed int64, conditions ...typesv1beta1.Condition) *typesv1beta1.FederatedObject {
	o := &typesv1beta1.FederatedObject{}
	o.Namespace, o.Name, o.Generation, o.CreationTimestamp = "shop", "web", generation, metav1.NewTime(created)
	o.Status.ObservedGeneration, o.Status.Conditions = observed, conditions
	return o
}

func propagation(status, reason string) typesv1beta1.Condition {
	c := typesv1beta1.Condition{Type: "Propagation", Reason: reason, Message: "because", LastTransitionTime: metav1.NewTime(changed)}
	c.Status = "False"
	if status == "True" {
		c.Status = "True"
	}
	return c
}

func TestJudge(t *testing.T) {
	deleting := object(1, 1, propagation("True", ""))
	deleting.DeletionTimestamp = &metav1.Time{Time: changed}
	written := object(2, 1, propagation("True", ""))
	at := metav1.NewTime(now.Add(-time.Minute))
	reported := metav1.NewTime(now)
	written.ManagedFields = []metav1.ManagedFieldsEntry{{Time: &at}, {Time: &reported, Subresource: "status"}}
	for _, test := range []struct {
		name   string
		object *typesv1beta1.FederatedObject
		inSync bool
		reason string
		since  time.Time
	}{
		{"as asked for", object(2, 2, propagation("True", "")), true, "", time.Time{}},
		{"ready is not what is asked", object(1, 1, propagation("True", ""), typesv1beta1.Condition{Type: "Ready", Status: "False"}), true, "", time.Time{}},
		{"not so", object(2, 2, propagation("False", "CheckClusters")), false, "CheckClusters", changed},
		{"not looked at", object(1, 0), false, "NotReported", created},
		{"changed since", written, false, "NotObserved", at.Time},
		{"going", deleting, false, "Deleting", changed},
	} {
		t.Run(test.name, func(t *testing.T) {
			told, inSync := judge(test.object)
			require.Equal(t, test.inSync, inSync)
			require.Equal(t, test.reason, told.Reason)
			require.Equal(t, test.since, told.Since)
		})
	}
}

func TestClusterOf(t *testing.T) {
	reason, message, at := "ClusterNotReachable", "no route", metav1.NewTime(changed)
	cluster := &corev1beta1.KubeFedCluster{}
	require.Equal(t, "it has not been probed yet", clusterOf(cluster).Message)
	cluster.Status.Conditions = []corev1beta1.ClusterCondition{
		{Type: corev1beta1.ClusterOffline, Status: "True", Reason: &reason, Message: &message, LastTransitionTime: &at},
		{Type: corev1beta1.ClusterReady, Status: "False"},
	}
	told := clusterOf(cluster)
	require.Equal(t, "False", told.Ready)
	require.Equal(t, "no route", told.Message)
	require.Equal(t, changed, *told.Since)
}

func TestVerdict(t *testing.T) {
	ready, unready := Cluster{Name: "a", Ready: "True"}, Cluster{Name: "b", Ready: "False"}
	for _, test := range []struct {
		name   string
		report Report
		code   int
	}{
		{"in sync", Report{Clusters: []Cluster{ready}, Types: []Type{{Objects: 2, InSync: 2}}}, 0},
		{"an object", Report{Types: []Type{{}, {Objects: 2, InSync: 1, NotInSync: 1}}}, 1},
		{"a cluster", Report{Clusters: []Cluster{ready, unready}}, 1},
		{"a type", Report{Types: []Type{{Trouble: "its propagation does not run"}}}, 1},
		{"nobody knows", Report{Clusters: []Cluster{unready}, Types: []Type{{Error: "forbidden"}}}, 2},
	} {
		test.report.InSync = test.report.inSync()
		code, _ := exit.Status(verdict(&test.report))
		require.Equal(t, test.code, code, test.name)
	}
}

func TestScreen(t *testing.T) {
	report := &Report{
		Server: Server{Host: "https://host:6443", HostVersion: "v1.37.1", APIs: []string{"core.kubefed.io/v1beta1", "types.kubefed.io/v1beta1"}},
		Clusters: []Cluster{
			{Name: "cluster1", Ready: "True", Version: "v1.37.1", Region: "eu", Since: &created, Endpoint: "https://one:6443"},
			{Name: "cluster2", Ready: "False", Since: &changed, Message: "no\x1b[2J route", Endpoint: "https://two:6443"},
		},
		Types: []Type{
			{Name: "configmaps", FederatedKind: "FederatedConfigMap", Propagation: "Enabled", Objects: 7, InSync: 1, NotInSync: 6, Oldest: []Unsynced{
				{"shop", "a", created, "CheckClusters", "1 of 2"}, {"shop", "b", changed, "CheckClusters", ""}, {"shop", "c", changed, "CheckClusters", ""},
				{"shop", "d", changed, "CheckClusters", ""}, {"shop", "e", changed, "CheckClusters", ""}, {"shop", "f", changed, "CheckClusters", ""}}},
			{Name: "secrets", FederatedKind: "FederatedSecret", Propagation: "Disabled", Objects: 3},
		},
	}
	var out bytes.Buffer
	report.print(&out, output.Palette{}, false, now)
	require.Equal(t, `Server  core.kubefed.io/v1beta1 and types.kubefed.io/v1beta1 answer through https://host:6443 (v1.37.1)

Clusters  2, 1 ready
  NAME       READY   SINCE   VERSION   REGION   MESSAGE
  cluster1   True    10h     v1.37.1   eu
  cluster2   False   3m                         no[2J route

Types  2
  NAME         PROPAGATION   OBJECTS   IN SYNC   NOT IN SYNC   OLDEST
  configmaps   Enabled       7         1         6             10h
  secrets      Disabled      3         0         0

Not in sync  6
  TYPE         NAMESPACE   NAME   FOR   REASON          MESSAGE
  configmaps   shop        a      10h   CheckClusters   1 of 2
  configmaps   shop        b      3m    CheckClusters
  configmaps   shop        c      3m    CheckClusters
  configmaps   shop        d      3m    CheckClusters
  configmaps   shop        e      3m    CheckClusters
  and 1 more
`, out.String())
	out.Reset()
	report.print(&out, output.Palette{}, true, now)
	require.Contains(t, out.String(), "https://two:6443")
	require.Contains(t, out.String(), "FederatedSecret")
	require.NotContains(t, out.String(), "and 1 more")
}
