package dns

import (
	"fmt"
	"reflect"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
)

// Reasons of the condition ExternalDNS.
const (
	// ReasonWritten means that the host has the DNSEndpoint that external-dns reads.
	ReasonWritten = "Written"
	// ReasonPending means that it has not been looked at yet.
	ReasonPending = "Pending"
	// ReasonNotInstalled means that the host does not serve externaldns.k8s.io.
	ReasonNotInstalled = "NotInstalled"
	// ReasonHostConflict means that the DNSEndpoint of the host is somebody else's.
	ReasonHostConflict = "HostConflict"
	// ReasonWriteFailed means that the host refused it, or could not be reached.
	ReasonWriteFailed = "WriteFailed"
)

// outcome is what became of a DNSEndpoint in the host.
type outcome struct {
	status          metav1.ConditionStatus
	reason, message string
}

// notFollowed is the outcome while the DNSEndpoints of the host are not known.
func notFollowed(problem error) outcome {
	switch {
	case problem == nil:
		return outcome{metav1.ConditionUnknown, ReasonPending, ""}
	case apierrors.IsNotFound(problem):
		return outcome{metav1.ConditionFalse, ReasonNotInstalled, fmt.Sprintf("the host does not serve %s: install its CustomResourceDefinition", hostEndpoints.GroupVersion())}
	}
	return outcome{metav1.ConditionUnknown, ReasonWriteFailed, message([]string{problem.Error()})}
}

// outcomes are those of all DNSEndpoints.
type outcomes struct {
	mu       sync.RWMutex
	known    map[types.NamespacedName]outcome
	handlers []func(types.NamespacedName)
}

func newOutcomes() *outcomes {
	return &outcomes{known: map[types.NamespacedName]outcome{}}
}

// onChange calls handle with the DNSEndpoints whose outcome changes. It is to be
// called before anything is set; handle must return soon.
func (o *outcomes) onChange(handle func(types.NamespacedName)) {
	o.handlers = append(o.handlers, handle)
}

func (o *outcomes) of(key types.NamespacedName) outcome {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if known, ok := o.known[key]; ok {
		return known
	}
	return notFollowed(nil)
}

func (o *outcomes) set(key types.NamespacedName, next outcome) {
	o.mu.Lock()
	before, ok := o.known[key]
	o.known[key] = next
	o.mu.Unlock()
	if ok && before == next {
		return
	}
	for _, handle := range o.handlers {
		handle(key)
	}
}

func (o *outcomes) forget(key types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, key)
}

func (o *outcomes) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.known)
}

// hostEndpointOf returns what external-dns is to read.
func hostEndpointOf(endpoint *v1alpha1.DNSEndpoint) (*unstructured.Unstructured, error) {
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&endpoint.Spec)
	if err != nil {
		return nil, fmt.Errorf("DNSEndpoint %s: %w", endpoint.Name, err)
	}
	desired := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	desired.SetAPIVersion(hostEndpoints.GroupVersion().String())
	desired.SetKind("DNSEndpoint")
	desired.SetNamespace(endpoint.Namespace)
	desired.SetName(endpoint.Name)
	desired.SetLabels(map[string]string{MirrorLabel: mirrorValue})
	return desired, nil
}

// sameValue says whether two values of unstructured content are the same.
func sameValue(a, b any) bool { return reflect.DeepEqual(a, b) }
