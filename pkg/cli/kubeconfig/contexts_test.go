package kubeconfig

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
)

func hostOnly() (contexts, *clientcmdapi.Config) {
	raw := clientcmdapi.NewConfig()
	entry := clientcmdapi.Cluster{Server: "https://host:6443/", CertificateAuthorityData: []byte("authority"), ProxyURL: "http://proxy", LocationOfOrigin: "/home"}
	raw.Clusters["hub"] = &entry
	raw.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{Command: "login"}, LocationOfOrigin: "/home"}
	raw.AuthInfos["somebody"] = &clientcmdapi.AuthInfo{Token: "secret"}
	raw.Contexts["host"] = &clientcmdapi.Context{Cluster: "hub", AuthInfo: "admin"}
	return contexts{
		host: &connect.Cluster{Context: "host", Entry: entry}, server: entry.Server, systemNamespace: "system", namespace: "shop", prefix: "fed-",
	}, raw
}

func TestContextsHaveTheHostsUserAndNoOther(t *testing.T) {
	c, raw := hostOnly()
	config := c.alone(raw, []string{"one", "two"})
	require.Len(t, config.Contexts, 2)
	assert.Equal(t, &clientcmdapi.Context{Cluster: "fed-two", AuthInfo: "admin", Namespace: "shop"}, config.Contexts["fed-two"])
	assert.Equal(t, &clientcmdapi.Cluster{
		Server:                   "https://host:6443/apis/core.kubefed.io/v1beta1/namespaces/system/kubefedclusters/two/proxy",
		CertificateAuthorityData: []byte("authority"), ProxyURL: "http://proxy",
	}, config.Clusters["fed-two"])
	require.Len(t, config.AuthInfos, 1)
	assert.Equal(t, "login", config.AuthInfos["admin"].Exec.Command)
	assert.Empty(t, config.CurrentContext)
	assert.Equal(t, "fed-one", c.alone(raw, []string{"one"}).CurrentContext)
}

func TestMergingReplacesNothingThatLeadsElsewhere(t *testing.T) {
	c, raw := hostOnly()
	merged, err := c.into(raw, raw, []string{"one"})
	require.NoError(t, err)
	assert.Len(t, merged.Contexts, 2)
	again, err := c.into(merged, raw, []string{"one"})
	require.NoError(t, err, "what is there already is brought up to date")
	assert.Equal(t, merged, again)

	merged.Clusters["fed-one"].Server = "https://elsewhere"
	_, err = c.into(merged, raw, []string{"one"})
	require.ErrorContains(t, err, `a cluster "fed-one" already, at https://elsewhere`)
	merged.Clusters["fed-one"] = nil
	delete(merged.Clusters, "fed-one")
	merged.Contexts["fed-one"].Cluster = "other"
	_, err = c.into(merged, raw, []string{"one"})
	require.ErrorContains(t, err, `a context "fed-one" already`)

	other := clientcmdapi.NewConfig()
	other.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: "another's"}
	_, err = c.into(other, raw, []string{"one"})
	require.ErrorContains(t, err, `another user "admin"`)
}
