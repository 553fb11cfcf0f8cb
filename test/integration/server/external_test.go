package server

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/loopback"
	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

// startEtcd runs an etcd that serves nobody without a certificate, and returns the flags with which it is used.
func startEtcd(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	authority, err := pki.NewAuthority("etcd-ca")
	require.NoError(t, err)
	serving, err := authority.Server("etcd", "127.0.0.1")
	require.NoError(t, err)
	require.NoError(t, serving.Write(dir, "serving"))
	client, err := authority.Client("federation-apiserver")
	require.NoError(t, err)
	require.NoError(t, client.Write(dir, "client"))
	ca := filepath.Join(dir, "ca.crt")
	require.NoError(t, os.WriteFile(ca, authority.CertificatePEM(), 0o600))

	ports, err := loopback.FreePorts(1)
	require.NoError(t, err)
	endpoint := url.URL{Scheme: "https", Host: "127.0.0.1:" + strconv.Itoa(ports[0])}
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "data")
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{endpoint}, []url.URL{endpoint}
	config.ListenPeerUrls = nil
	config.ClientTLSInfo.CertFile = filepath.Join(dir, "serving.crt")
	config.ClientTLSInfo.KeyFile = filepath.Join(dir, "serving.key")
	config.ClientTLSInfo.TrustedCAFile = ca
	config.ClientTLSInfo.ClientCertAuth = true
	config.UnsafeNoFsync = true
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	etcd, err := embed.StartEtcd(config)
	require.NoError(t, err)
	t.Cleanup(etcd.Close)
	<-etcd.Server.ReadyNotify()
	return []string{
		"--etcd-servers=" + endpoint.String(),
		"--etcd-cafile=" + ca,
		"--etcd-certfile=" + filepath.Join(dir, "client.crt"),
		"--etcd-keyfile=" + filepath.Join(dir, "client.key"),
	}
}

// TestReplicasShareAnExternalEtcd runs two servers on one etcd: both serve, one leads, and the other takes over.
func TestReplicasShareAnExternalEtcd(t *testing.T) {
	flags := startEtcd(t)
	first := start(t, filepath.Join(t.TempDir(), "unused"), flags...)
	objects := first.enable()
	first.create(objects, "shared", "value")
	leader := leaseHolder(t)
	require.NotEmpty(t, leader)

	second := start(t, filepath.Join(t.TempDir(), "unused"), flags...)
	inSecond := second.client().Resource(federatedConfigMaps).Namespace("default")
	_, err := inSecond.Get(t.Context(), "shared", metav1.GetOptions{})
	require.NoError(t, err)
	_, err = inSecond.Create(t.Context(), federatedConfigMap("other", "value"), metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = objects.Get(t.Context(), "other", metav1.GetOptions{})
	require.NoError(t, err, "what one has acknowledged the other one knows")
	assert.Equal(t, leader, leaseHolder(t))

	first.terminate()
	err = wait.PollUntilContextTimeout(t.Context(), pollInterval, patience, true, func(context.Context) (bool, error) {
		holder := leaseHolder(t)
		return holder != "" && holder != leader, nil
	})
	require.NoError(t, err, "nobody takes over")
	second.create(inSecond, "late", "value")
	second.terminate()
	assert.Empty(t, leaseHolder(t), "the lease is given up")
}

func leaseHolder(t *testing.T) string {
	t.Helper()
	client, err := kubernetes.NewForConfig(env.Shared(t).Host().Config())
	require.NoError(t, err)
	lease, err := client.CoordinationV1().Leases(env.SystemNamespace).Get(t.Context(), "federation-apiserver", metav1.GetOptions{})
	require.NoError(t, err)
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
