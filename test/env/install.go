package env

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

const (
	fieldManager = "federation-sandbox"
	pollInterval = 100 * time.Millisecond
)

var apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}

// install registers the federation in the host as the project's deployment does, with a process in place of pods, and
// starts the server.
func (e *Environment) install(ctx context.Context, repository binaries.Repository) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	m, err := e.readManifests(ctx, repository.Path("deploy", "externaldns"), repository.Path("deploy", "base"), repository.Path("deploy", "config"))
	if err != nil {
		return err
	}
	hosts := []string{service{namespace: SystemNamespace, name: serverName}.dnsName()}
	caBundle, err := e.federation.write(hosts, repository.Path("deploy", "base", "audit-policy.yaml"))
	if err != nil {
		return err
	}
	services, err := register(m.host, base64.StdEncoding.EncodeToString(caBundle), e.layout.ServerPort)
	if err != nil {
		return err
	}
	for _, s := range services {
		if s != (service{namespace: SystemNamespace, name: serverName}) {
			return fmt.Errorf("an APIService leads to %s, which is not in the server's certificate", s.dnsName())
		}
	}
	a, err := e.newApplier()
	if err != nil {
		return err
	}
	// The APIServices come last: before the server runs the host would only log that it cannot be reached.
	var registrations []*unstructured.Unstructured
	for _, object := range m.host {
		if object.GroupVersionKind().Group == apiServices.Group {
			registrations = append(registrations, object)
			continue
		}
		if err := a.apply(ctx, object); err != nil {
			return err
		}
	}
	if err := a.apply(ctx, service{namespace: SystemNamespace, name: serverName}.externalName(e.layout.ServerPort)); err != nil {
		return err
	}
	if e.federation.store != nil {
		for _, spec := range e.federation.store.specs() {
			if err := e.owned.Supervisor.Define(spec); err != nil {
				return err
			}
		}
	}
	if err := e.federation.SetFlags(ctx, e.layout.ServerArgs...); err != nil {
		return err
	}
	e.report.Status("starting federation-apiserver")
	if err := e.federation.startServing(ctx); err != nil {
		return err
	}
	a.check = e.federation.check
	for _, object := range registrations {
		if err := a.apply(ctx, object); err != nil {
			return err
		}
	}
	if err := e.federation.waitAvailable(ctx); err != nil {
		return err
	}
	for _, object := range m.federation {
		e.report.Status("applying %s %s", object.GetKind(), object.GetName())
		if err := a.apply(ctx, object); err != nil {
			return err
		}
	}
	return a.waitFederated(ctx, m.federation)
}

// Reinstall registers the federation in the host again and starts the server, with storage of its own making or that of
// before. Only the program that started the environment may do that.
func (e *Environment) Reinstall(ctx context.Context) error {
	if e.owned == nil {
		return errors.New("the environment belongs to another program")
	}
	repository, err := binaries.FindRepository()
	if err != nil {
		return err
	}
	return e.install(ctx, repository)
}

func newServerAuthority() (*pki.Authority, error) {
	return pki.NewAuthority(serverName + "-ca")
}

// applier writes objects of kinds that may have appeared a moment ago.
type applier struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
	// check fails when there is nothing left to wait for.
	check func(context.Context) error
}

func (e *Environment) newApplier() (*applier, error) {
	client, err := dynamic.NewForConfig(e.host.Config())
	if err != nil {
		return nil, fmt.Errorf("client of the host: %w", err)
	}
	discover, err := discovery.NewDiscoveryClientForConfig(e.host.Config())
	if err != nil {
		return nil, fmt.Errorf("client of the host: %w", err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discover))
	return &applier{client: client, mapper: mapper, check: e.host.check}, nil
}

// apply repeats until the object is accepted, as long as what is in the way may pass by itself.
func (a *applier) apply(ctx context.Context, object *unstructured.Unstructured) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		last = a.try(ctx, object)
		if last == nil {
			return true, nil
		}
		if apierrors.IsInvalid(last) || apierrors.IsBadRequest(last) {
			return false, last
		}
		return false, a.check(ctx)
	})
	if wait.Interrupted(err) {
		err = errors.Join(err, last)
	}
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// waitFederated waits until the host shows the federated kinds of the type configs among objects. Kinds come one by one,
// and a client that asked the host in between would know some and not others.
func (a *applier) waitFederated(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		federated, ok, err := unstructured.NestedStringMap(object.Object, "spec", "federatedType")
		if err != nil || !ok {
			continue
		}
		err = wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
			_, err := a.mapper.RESTMapping(schema.GroupKind{Group: federated["group"], Kind: federated["kind"]}, federated["version"])
			if err == nil {
				return true, nil
			}
			a.mapper.Reset()
			return false, a.check(ctx)
		})
		if err != nil {
			return fmt.Errorf("wait for the host to show %s: %w", federated["kind"], err)
		}
	}
	return nil
}

func (a *applier) try(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		a.mapper.Reset()
		return err
	}
	var target dynamic.ResourceInterface = a.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		target = a.client.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	_, err = target.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return err
}
