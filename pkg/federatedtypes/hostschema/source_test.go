package hostschema_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/hostschema"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

const (
	patience = 10 * time.Second
	interval = 10 * time.Millisecond
)

var (
	apps       = schema.GroupVersion{Group: "apps", Version: "v1"}
	deployment = apps.WithKind("Deployment")
	widgets    = schema.GroupVersion{Group: "example.com", Version: "v1"}
)

func TestTarget(t *testing.T) {
	t.Parallel()
	host := typeserver.NewHost(t)
	source := hostschema.New(host.Client(t), interval)

	info, err := source.Target(t.Context(), apps.WithResource("deployments"), deployment)
	require.NoError(t, err)
	require.Equal(t, []string{"deploy"}, info.ShortNames)
	require.NotNil(t, info.Schema)
	require.Contains(t, info.Schema.Kind.Properties, "spec")
	require.Contains(t, info.Schema.Components, "io.k8s.api.core.v1.Container")
	require.NotContains(t, info.Schema.Components, "io.k8s.api.apps.v1.Deployment", "it does not refer to itself")

	for _, unknown := range []schema.GroupVersionKind{apps.WithKind("Nothing"), widgets.WithKind("Widget")} {
		info, err := source.Target(t.Context(), unknown.GroupVersion().WithResource("nothings"), unknown)
		require.NoError(t, err)
		require.Nil(t, info.Schema)
		require.Empty(t, info.ShortNames)
	}

	host.SetDown(true)
	_, err = hostschema.New(host.Client(t), interval).Target(t.Context(), apps.WithResource("deployments"), deployment)
	require.ErrorContains(t, err, "from the host")
}

func TestRunTellsWhatChanges(t *testing.T) {
	t.Parallel()
	host := typeserver.NewHost(t)
	source := hostschema.New(host.Client(t), interval)
	_, err := source.Target(t.Context(), apps.WithResource("deployments"), deployment)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	changes, stopped := make(chan schema.GroupVersion, 100), make(chan struct{})
	go func() {
		defer close(stopped)
		source.Run(ctx, func(gv schema.GroupVersion) { changes <- gv })
	}()
	defer func() {
		cancel()
		<-stopped
		require.Empty(t, changes, "nothing else changed")
	}()
	expect := func(want schema.GroupVersion) {
		t.Helper()
		select {
		case got := <-changes:
			require.Equal(t, want, got)
		case <-time.After(patience):
			require.FailNow(t, "no change of "+want.String())
		}
	}
	widget := func() bool {
		info, err := source.Target(t.Context(), widgets.WithResource("widgets"), widgets.WithKind("Widget"))
		require.NoError(t, err)
		return info.Schema != nil && len(info.Schema.Kind.Properties) > 0
	}

	host.Publish("apis/example.com/v1", typeserver.CustomKind("example.com", "v1", "Widget", `{"a":{"type":"string"}}`))
	expect(widgets)
	require.True(t, widget())
	host.Publish("apis/example.com/v1", typeserver.CustomKind("example.com", "v1", "Widget", `{"b":{"type":"string"}}`))
	expect(widgets)
	host.Publish("apis/example.com/v1", nil)
	expect(widgets)
	require.False(t, widget())

	host.SetDown(true)
	_, err = source.Target(t.Context(), apps.WithResource("deployments"), deployment)
	require.Error(t, err)
	host.SetDown(false)
	expect(apps)
}
