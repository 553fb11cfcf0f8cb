package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	generatedopenapi "github.com/kubefederation/federation-apiserver/generated/openapi"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/hostschema"
)

// schemaPollInterval is how soon a changed schema of a target is noticed. A look
// costs the host one conditional read of an index.
const schemaPollInterval = time.Second

// installTypes mounts the dynamic group.
func (c CompletedConfig) installTypes(generic *genericapiserver.GenericAPIServer, host kubernetes.Interface, clusters *knownClusters) (*federatedtypes.Server, error) {
	nudge, err := newAPIServiceNudge(c.Federation.Host)
	if err != nil {
		return nil, err
	}
	types, err := federatedtypes.New(federatedtypes.Config{
		RESTOptionsGetter:   c.Generic.RESTOptionsGetter,
		Definitions:         generatedopenapi.GetOpenAPIDefinitions,
		Targets:             hostschema.New(host.Discovery().RESTClient(), schemaPollInterval),
		NudgeHost:           nudge.nudge,
		Clusters:            clusters.labels,
		Places:              places{clusters: clusters, types: c.Federation.types}.of,
		Admission:           c.Generic.AdmissionControl,
		Authorizer:          c.Generic.Authorization.Authorizer,
		MinRequestTimeout:   time.Duration(c.Generic.MinRequestTimeout) * time.Second,
		MaxRequestBodyBytes: c.Generic.MaxRequestBodyBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("make the server of the federated types: %w", err)
	}
	if err := types.Install(generic); err != nil {
		return nil, err
	}
	c.Federation.types.types = types
	return types, nil
}

// lateTypes are the federated types for what is configured before there is a
// server that has them.
type lateTypes struct {
	types *federatedtypes.Server
}

// CountObjects implements typeconfigprotection.ObjectCounter.
func (l *lateTypes) CountObjects(ctx context.Context, typeConfig string) (int64, error) {
	if l.types == nil {
		return 0, errors.New("the server is starting")
	}
	return l.types.CountObjects(ctx, typeConfig)
}

// ReplicatedKinds implements schedulingtarget.Kinds.
func (l *lateTypes) ReplicatedKinds() (names []string, ok bool) {
	if !l.loaded() {
		return nil, false
	}
	for _, kind := range l.types.Kinds() {
		if kind.HasReplicas() || !kind.Schema().Typed {
			names = append(names, kind.GroupVersionKind().Kind)
		}
	}
	return names, true
}

// TypeConfig implements authorauthorization.Kinds.
func (l *lateTypes) TypeConfig(resource string) (*corev1beta1.FederatedTypeConfig, bool) {
	if l.types == nil {
		return nil, false
	}
	kind, ok := l.types.Kind(resource)
	if !ok {
		return nil, false
	}
	return kind.TypeConfig(), true
}

// TypeConfigOfKind implements authorauthorization.Kinds.
func (l *lateTypes) TypeConfigOfKind(name string) (config *corev1beta1.FederatedTypeConfig, ok bool) {
	if !l.loaded() {
		return nil, false
	}
	if kind, enabled := l.types.KindNamed(name); enabled {
		config = kind.TypeConfig()
	}
	return config, true
}

func (l *lateTypes) loaded() bool {
	return l.types != nil && l.types.Loaded()
}
