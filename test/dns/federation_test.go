package dns

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/test/env"
)

const (
	// patience bounds every wait. A slow and busy machine needs a good part of it.
	patience     = 3 * time.Minute
	pollInterval = 50 * time.Millisecond

	cluster1 = "cluster1"
	cluster2 = "cluster2"
	cluster3 = "cluster3"
)

// mergePatch is how objects are changed here.
const mergePatch = types.MergePatchType

var errNotYet = errors.New("not yet")

var (
	namespaces     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	services       = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	endpointSlices = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
	ingresses      = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"}
	domains        = multiclusterDNS("domains")
	serviceRecords = multiclusterDNS("servicednsrecords")
	ingressRecords = multiclusterDNS("ingressdnsrecords")
	ourEndpoints   = multiclusterDNS("dnsendpoints")
	hostEndpoints  = schema.GroupVersionResource{Group: "externaldns.k8s.io", Version: "v1alpha1", Resource: "dnsendpoints"}
	configs        = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "kubefedconfigs"}
)

func multiclusterDNS(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "multiclusterdns.kubefed.io", Version: "v1alpha1", Resource: resource}
}

// federation is the shared environment and DNS in the hands of one test.
type federation struct {
	*env.Environment
	*servers
	t       *testing.T
	clients map[string]dynamic.Interface
}

func setup(t *testing.T) *federation {
	t.Helper()
	if !testing.Short() {
		// Before the environment is taken, for which other packages wait; what fails is told below.
		_, _ = prepared()
	}
	environment := env.Shared(t)
	f := &federation{Environment: environment, servers: sharedServers(t, environment), t: t, clients: map[string]dynamic.Interface{}}
	for _, cluster := range append(f.Members(), f.Host()) {
		config := cluster.Config()
		config.QPS = -1
		client, err := dynamic.NewForConfig(config)
		require.NoError(t, err)
		f.clients[cluster.Name()] = client
	}
	return f
}

func (f *federation) ctx() context.Context { return f.t.Context() }

func (f *federation) on(cluster string, resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	return f.clients[cluster].Resource(resource).Namespace(namespace)
}

func (f *federation) host(resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	return f.on(env.HostName, resource, namespace)
}

// kubectl runs kubectl against the host, which has to succeed, and returns what it printed.
func (f *federation) kubectl(stdin string, args ...string) string {
	f.t.Helper()
	command := f.Command(f.ctx(), "kubectl", args...)
	var output bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &output, &output
	require.NoError(f.t, command.Run(), "kubectl %s\n%s", strings.Join(args, " "), &output)
	return output.String()
}

// apply applies manifests; NAMESPACE in them is the namespace.
func (f *federation) apply(namespace, manifests string) {
	f.t.Helper()
	f.kubectl(strings.ReplaceAll(manifests, "NAMESPACE", namespace), "apply", "-f", "-")
}

// eventually waits until check finds nothing wrong.
func (f *federation) eventually(what string, check func() error) {
	f.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(f.ctx(), pollInterval, patience, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		require.FailNow(f.t, "waited in vain for "+what, "%v", last)
	}
}

// namespace makes a namespace for one test, federated to all clusters, and a Domain of the zone with the same name.
func (f *federation) namespace() string {
	f.t.Helper()
	name := "dns-" + rand.String(6)
	f.federate(name)
	f.apply(name, `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: Domain, metadata: {name: NAMESPACE, namespace: `+env.SystemNamespace+`}, domain: `+zone+`}`)
	f.t.Cleanup(func() { f.removeAfter(domains, env.SystemNamespace, name) })
	return name
}

// federate makes a namespace and federates it to all clusters.
func (f *federation) federate(name string) {
	f.t.Helper()
	f.apply(name, `
{apiVersion: v1, kind: Namespace, metadata: {name: NAMESPACE}}
---
apiVersion: types.kubefed.io/v1beta1
kind: FederatedNamespace
metadata: {name: NAMESPACE, namespace: NAMESPACE}
spec: {placement: {clusterSelector: {}}}
`)
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.dump(name)
		}
		f.removeAfter(namespaces, "", name)
	})
}

// removeAfter deletes an object when the test has ended.
func (f *federation) removeAfter(resource schema.GroupVersionResource, namespace, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.host(resource, namespace).Delete(ctx, name, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		assert.NoError(f.t, err)
	}
}

func (f *federation) remove(resource schema.GroupVersionResource, namespace, name string) {
	f.t.Helper()
	require.NoError(f.t, f.host(resource, namespace).Delete(f.ctx(), name, metav1.DeleteOptions{}))
}

// dump logs what a failed test left.
func (f *federation) dump(namespace string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	output, err := f.Command(ctx, "kubectl", "-n", namespace, "get", "-o", "yaml", "--request-timeout=10s",
		"servicednsrecords,ingressdnsrecords,dnsendpoints.multiclusterdns.kubefed.io,dnsendpoints.externaldns.k8s.io,federatedservices").CombinedOutput()
	f.t.Logf("%s%v", output, err)
}

// service federates a Service of type LoadBalancer without a selector to all clusters, and waits for the copies.
func (f *federation) service(namespace, name string) {
	f.t.Helper()
	f.apply(namespace, `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedService
metadata: {name: `+name+`, namespace: NAMESPACE}
spec:
  template: {spec: {type: LoadBalancer, ports: [{port: 80}]}}
  placement: {clusterSelector: {}}
`)
	for _, member := range f.Members() {
		f.eventually("the Service in "+member.Name(), func() error {
			_, err := f.on(member.Name(), services, namespace).Get(f.ctx(), name, metav1.GetOptions{})
			return err
		})
	}
}

// balance says what a cloud would: at which addresses, or host names, a Service or an Ingress of a member is reached.
func (f *federation) balance(cluster string, resource schema.GroupVersionResource, namespace, name string, balancers ...string) {
	f.t.Helper()
	list := []map[string]string{}
	for _, balancer := range balancers {
		field := "ip"
		if strings.Trim(balancer, "0123456789abcdef.:") != "" {
			field = "hostname"
		}
		list = append(list, map[string]string{field: balancer})
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": list}}})
	require.NoError(f.t, err)
	_, err = f.on(cluster, resource, namespace).Patch(f.ctx(), name, mergePatch, patch, metav1.PatchOptions{}, "status")
	require.NoError(f.t, err)
}

// back puts an endpoint behind a Service of a member, ready or not.
func (f *federation) back(cluster, namespace, name string, ready bool) {
	f.t.Helper()
	slice := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
		"metadata":    map[string]any{"name": name + "-test", "labels": map[string]any{"kubernetes.io/service-name": name}},
		"addressType": "IPv4",
		"endpoints":   []any{map[string]any{"addresses": []any{"10.0.0.1"}, "conditions": map[string]any{"ready": ready}}},
		"ports":       []any{map[string]any{"port": int64(80)}},
	}}
	_, err := f.on(cluster, endpointSlices, namespace).Apply(f.ctx(), slice.GetName(), slice, metav1.ApplyOptions{FieldManager: "test"})
	require.NoError(f.t, err)
}

// awaitNames waits until BIND answers a question with exactly these values, in any order.
func (f *federation) awaitNames(name, kind string, want ...string) []answer {
	f.t.Helper()
	var answers []answer
	slices.Sort(want)
	f.eventually(fmt.Sprintf("%s %s to be %v", name, kind, want), func() error {
		var err error
		if answers, err = f.ask(f.ctx(), name, kind); err != nil {
			return err
		}
		var got []string
		for _, a := range answers {
			got = append(got, a.value)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("it is %v", answers)
		}
		return nil
	})
	return answers
}

// condition waits until a condition of a record has the status and the reason, and returns its message.
func (f *federation) condition(resource schema.GroupVersionResource, namespace, name, kind, status, reason string) string {
	f.t.Helper()
	message := ""
	f.eventually(fmt.Sprintf("%s of %s to be %s %s", kind, name, status, reason), func() error {
		record, err := f.host(resource, namespace).Get(f.ctx(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(record.Object, "status", "conditions")
		for _, item := range conditions {
			condition, _ := item.(map[string]any)
			if condition["type"] != kind {
				continue
			}
			if condition["status"] == status && condition["reason"] == reason {
				message, _ = condition["message"].(string)
				return nil
			}
		}
		return fmt.Errorf("conditions are %v", conditions)
	})
	return message
}

// configure changes the spec of the KubeFedConfig in force until the test ends.
func (f *federation) configure(spec string) {
	f.t.Helper()
	client := f.host(configs, env.SystemNamespace)
	before, err := client.Get(f.ctx(), "kubefed", metav1.GetOptions{})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		restored, err := json.Marshal(map[string]any{"spec": before.Object["spec"]})
		assert.NoError(f.t, err)
		_, err = client.Patch(ctx, "kubefed", mergePatch, restored, metav1.PatchOptions{})
		assert.NoError(f.t, err)
	})
	_, err = client.Patch(f.ctx(), "kubefed", mergePatch, []byte(`{"spec":`+spec+`}`), metav1.PatchOptions{})
	require.NoError(f.t, err)
}

// awaitGone waits until an object of the host is not there.
func (f *federation) awaitGone(resource schema.GroupVersionResource, namespace, name string) {
	f.t.Helper()
	f.eventually(resource.Resource+" "+name+" to be gone", func() error {
		_, err := f.host(resource, namespace).Get(f.ctx(), name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("%s %s is still there", resource.Resource, name)
	})
}
