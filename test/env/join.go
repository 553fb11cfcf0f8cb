package env

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// KubeFedClusters is the resource in which the federation keeps its members.
var KubeFedClusters = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "kubefedclusters"}

// Join joins a member under its own name with the project's own command, labels it with its region and zone, and waits
// until the federation finds it ready.
func (e *Environment) Join(ctx context.Context, member *Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	e.report.Status("joining %s", member.Name())
	if err := e.runFed(ctx, "join", member.Name(), "--cluster-context", member.Name(), "--allow-proxy"); err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(e.host.Config())
	if err != nil {
		return fmt.Errorf("client of the host: %w", err)
	}
	clusters := client.Resource(KubeFedClusters).Namespace(SystemNamespace)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]string{
		"region": member.Region(),
		"zone":   member.Zone(),
	}}})
	if err != nil {
		return fmt.Errorf("label %s: %w", member.Name(), err)
	}
	if _, err := clusters.Patch(ctx, member.Name(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}); err != nil {
		return fmt.Errorf("label %s: %w", member.Name(), err)
	}
	return e.AwaitReady(ctx, KubeFedClusters, SystemNamespace, member.Name())
}

// RefreshRights gives the federation the rights in all members for types that were enabled since they joined, or were
// disabled.
func (e *Environment) RefreshRights(ctx context.Context) error {
	// One after the other: each gives the rights for the types that it has read.
	e.refreshing.Lock()
	defer e.refreshing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, member := range e.members {
		group.Go(func() error { return e.runFed(ctx, "join", member.Name(), "--cluster-context", member.Name()) })
	}
	return group.Wait()
}

// AwaitReady waits until an object that the federation serves has the condition Ready. It asks again and again instead of
// watching: the host logs an error for each watch of an aggregated resource that a client ends.
func (e *Environment) AwaitReady(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	client, err := dynamic.NewForConfig(e.host.Config())
	if err != nil {
		return fmt.Errorf("client of the host: %w", err)
	}
	return e.federation.until(ctx, resource.Resource+" "+name+" to be ready", func(ctx context.Context) error {
		object, err := client.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		return conditionTrue(object, "Ready")
	})
}

// Unjoin removes a member from the federation with the project's own command.
func (e *Environment) Unjoin(ctx context.Context, member *Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return e.runFed(ctx, "unjoin", member.Name(), "--cluster-context", member.Name())
}

func (e *Environment) runFed(ctx context.Context, verb, name string, args ...string) error {
	args = append([]string{verb, name, "--host-cluster-context", HostName, "--kubeconfig", e.JoinKubeconfig()}, args...)
	command := e.Command(ctx, "kubectl-fed", args...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl fed %s %s: %w\n%s", verb, name, err, bytes.TrimSpace(output))
	}
	return nil
}

func conditionTrue(object *unstructured.Unstructured, kind string) error {
	conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
	if err != nil {
		return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	for _, item := range conditions {
		condition, ok := item.(map[string]any)
		if !ok || condition["type"] != kind {
			continue
		}
		if condition["status"] == "True" {
			return nil
		}
		return fmt.Errorf("%s %s: condition %s is %v: %v: %v", object.GetKind(), object.GetName(), kind,
			condition["status"], condition["reason"], condition["message"])
	}
	return fmt.Errorf("%s %s has no condition %s yet", object.GetKind(), object.GetName(), kind)
}
