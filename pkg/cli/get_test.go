package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestGet(t *testing.T) {
	f := setup(t)
	f.federatedNamespace("look")
	f.create("federatedconfigmaps", settings)
	f.create("federatedsecrets", password)
	f.awaitSync("look")

	out := f.succeed("get", "configmap", "settings", "-n", "look", "--clusters")
	require.Regexp(t, `^CLUSTER +NAME +DATA +AGE +NOTE\ncluster1 +settings +1 +\S+\ncluster2 +not there\ncluster3 +not there\n$`, out)
	require.Regexp(t, `^NAME +READY +CLUSTERS +AGE\nsettings +True +1/1 `, f.succeed("get", "fcm", "settings", "-n", "look"))
	require.Equal(t, "cluster1/secret/password\ncluster2/secret/password\n", f.succeed("get", "secrets", "-n", "look", "--cluster", "cluster1,cluster2", "-o", "name"))
	require.Contains(t, f.succeed("get", "secrets", "-A", "--clusters"), "NAMESPACE")

	var list struct {
		Items []struct {
			Cluster string
			Object  struct {
				Metadata metav1.ObjectMeta
				Data     map[string]string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(f.succeed("get", "secret", "password", "-n", "look", "--clusters", "-o", "json")), &list))
	require.Len(t, list.Items, 2)
	require.Equal(t, "cluster2", list.Items[1].Cluster)
	require.Equal(t, map[string]string{"password": "***"}, list.Items[1].Object.Data)
	require.Contains(t, f.succeed("get", "secret", "password", "-n", "look", "--clusters", "-o", "yaml", "--show-secrets"), "aHVudGVyMw==")

	require.Contains(t, f.fail("get", "fcm", "nothing", "-n", "look"), "FederatedConfigMap look/nothing: ")
	require.Contains(t, f.fail("get", "fcm", "settings", "-n", "look", "--cluster", "cluster9"), `there is no cluster "cluster9"`)
	require.Contains(t, f.fail("get", "fcm", "settings", "-A"), "leave --all-namespaces out")

	// Who may not read the Secrets of the members uses contexts of the kubeconfig.
	f.reader("look-reader")
	require.Contains(t, f.succeed("get", "cm", "settings", "-n", "look", "--clusters", "--as", "look-reader"), "cluster1   settings")
	f.joined("nobodys")
	out, errOut, code := f.run("get", "cm", "settings", "-n", "look", "--clusters", "--as", "look-reader")
	require.Equal(t, 1, code)
	require.Contains(t, out, "cluster1   settings", "the others are shown")
	require.Contains(t, errOut, "no access to cluster nobodys: reading its Secret: secrets ")
	require.Contains(t, errOut, "the kubeconfig has no context of this name")
}
