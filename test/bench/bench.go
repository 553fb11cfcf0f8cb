package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

var (
	namespaces          = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	federatedNamespaces = federatedResource("federatednamespaces")
)

const (
	// federatedNamespace has the objects of the federation, directNamespace those
	// that are written straight into members.
	federatedNamespace = "bench"
	directNamespace    = "bench-direct"
	// patience is how long a phase may take.
	patience = 10 * time.Minute
)

// bench is a running federation and the clients of the harness.
type bench struct {
	options
	workload *workload
	env      *env.Environment
	host     dynamic.Interface
	members  map[string]dynamic.Interface
	reporter progress.Reporter
}

func newBench(ctx context.Context, environment *env.Environment, work *workload, o options, reporter progress.Reporter) (*bench, error) {
	b := &bench{options: o, workload: work, env: environment, members: map[string]dynamic.Interface{}, reporter: reporter}
	var err error
	if b.host, err = unlimited(environment.Host().Config()); err != nil {
		return nil, err
	}
	for _, member := range environment.Members() {
		if b.members[member.Name()], err = unlimited(member.Config()); err != nil {
			return nil, err
		}
		if err := create(ctx, b.members[member.Name()], namespaces, object("v1", "Namespace", "", directNamespace)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// federateNamespace makes the namespace of the federated objects, in all members.
func (b *bench) federateNamespace(ctx context.Context) error {
	if err := create(ctx, b.host, namespaces, object("v1", "Namespace", "", federatedNamespace)); err != nil {
		return err
	}
	federated := object("types.kubefed.io/v1beta1", "FederatedNamespace", federatedNamespace, federatedNamespace)
	federated.Object["spec"] = map[string]any{"placement": everywhere()}
	if err := create(ctx, b.host, federatedNamespaces, federated); err != nil {
		return err
	}
	if err := b.env.AwaitReady(ctx, federatedNamespaces, federatedNamespace, federatedNamespace); err != nil {
		return fmt.Errorf("federate the namespace: %w", err)
	}
	return nil
}

// unlimited is a client that is held up by the server alone.
func unlimited(config *rest.Config) (dynamic.Interface, error) {
	config.QPS = -1
	config.WarningHandlerWithContext = rest.NoWarnings{}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

func everywhere() map[string]any {
	return map[string]any{"clusterSelector": map[string]any{}}
}
