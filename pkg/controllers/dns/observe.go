package dns

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// maxBalancers bounds what is taken over of the load balancers of one object: a
// member is not trusted.
const maxBalancers = 128

// sighting is what is known of an object of a member.
type sighting struct {
	// known is false while the member has not said yet whether there is one, and
	// backedKnown while it has not said what is behind it.
	known, backedKnown bool
	// found says that there is one, and that it is a copy of the federation.
	found bool
	// backed says that something ready is behind it.
	backed bool
	// balancer is the status of its load balancer.
	balancer corev1.LoadBalancerStatus
	// problem is why it is not known, or not followed any more.
	problem error
}

// observer follows the objects of a namespace of a member that records can be for.
type observer interface {
	look(name string) sighting
}

// newObserver makes the observer of a namespace of a member. changed is called with
// the names of objects that are not what they were, and state when more, or less,
// is known of all of them.
// What is returned beside the observer has to run.
type newObserver func(s session, namespace string, changed func(name string), state func()) (observer, []func(context.Context))

// copies selects what the federation made.
const copies = typesv1beta1.ManagedLabel + "=" + typesv1beta1.ManagedLabelValueTrue

// serviceObserver follows the copies of Services, and EndpointSlices.
type serviceObserver struct {
	namespace string
	services  *follower[corev1.LoadBalancerStatus]
	slices    *follower[slice]
}

// slice is what is kept of an EndpointSlice.
type slice struct {
	service string
	ready   bool
}

func observeServices(s session, namespace string, changed func(string), state func()) (observer, []func(context.Context)) {
	o := &serviceObserver{namespace: namespace}
	o.services = &follower[corev1.LoadBalancerStatus]{
		selection: selection{resource: corev1.SchemeGroupVersion.WithResource("services"), namespace: namespace, labels: copies},
		session:   s, reduce: reduceService, state: state,
		changed: func(key types.NamespacedName, _, _ corev1.LoadBalancerStatus) { changed(key.Name) },
	}
	o.slices = &follower[slice]{
		selection: selection{resource: discoveryv1.SchemeGroupVersion.WithResource("endpointslices"), namespace: namespace, labels: discoveryv1.LabelServiceName},
		session:   s, reduce: reduceSlice, state: state,
		changed: func(_ types.NamespacedName, before, after slice) {
			changed(before.service)
			changed(after.service)
		},
	}
	return o, []func(context.Context){o.services.run, o.slices.run}
}

func (o *serviceObserver) look(name string) sighting {
	listed, problem := o.services.known()
	s := sighting{known: listed, problem: problem}
	if !listed {
		return s
	}
	s.balancer, s.found = o.services.get(types.NamespacedName{Namespace: o.namespace, Name: name})
	if !s.found {
		return s
	}
	listed, err := o.slices.known()
	s.backedKnown, s.problem = listed, cmp.Or(s.problem, err)
	for _, slice := range o.slices.all() {
		s.backed = s.backed || slice.service == name && slice.ready
	}
	return s
}

func reduceService(obj *unstructured.Unstructured) (corev1.LoadBalancerStatus, error) {
	var service corev1.Service
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &service); err != nil {
		return corev1.LoadBalancerStatus{}, fmt.Errorf("read: %w", err)
	}
	balancer := service.Status.LoadBalancer
	balancer.Ingress = balancer.Ingress[:min(len(balancer.Ingress), maxBalancers)]
	return balancer, nil
}

func reduceSlice(obj *unstructured.Unstructured) (slice, error) {
	var endpoints discoveryv1.EndpointSlice
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &endpoints); err != nil {
		return slice{}, fmt.Errorf("read: %w", err)
	}
	s := slice{service: endpoints.Labels[discoveryv1.LabelServiceName]}
	for _, endpoint := range endpoints.Endpoints {
		// Nobody knows is to be taken for ready, as the API has it.
		ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
		s.ready = s.ready || ready && len(endpoint.Addresses) > 0
	}
	return s, nil
}

// ingressObserver follows the copies of Ingresses.
type ingressObserver struct {
	namespace string
	ingresses *follower[corev1.LoadBalancerStatus]
}

func observeIngresses(s session, namespace string, changed func(string), state func()) (observer, []func(context.Context)) {
	o := &ingressObserver{namespace: namespace}
	o.ingresses = &follower[corev1.LoadBalancerStatus]{
		selection: selection{resource: networkingv1.SchemeGroupVersion.WithResource("ingresses"), namespace: namespace, labels: copies},
		session:   s, reduce: reduceIngress, state: state,
		changed: func(key types.NamespacedName, _, _ corev1.LoadBalancerStatus) { changed(key.Name) },
	}
	return o, []func(context.Context){o.ingresses.run}
}

func (o *ingressObserver) look(name string) sighting {
	listed, problem := o.ingresses.known()
	s := sighting{known: listed, backedKnown: true, backed: true, problem: problem}
	s.balancer, s.found = o.ingresses.get(types.NamespacedName{Namespace: o.namespace, Name: name})
	return s
}

func reduceIngress(obj *unstructured.Unstructured) (corev1.LoadBalancerStatus, error) {
	var ingress networkingv1.Ingress
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &ingress); err != nil {
		return corev1.LoadBalancerStatus{}, fmt.Errorf("read: %w", err)
	}
	var balancer corev1.LoadBalancerStatus
	for _, at := range ingress.Status.LoadBalancer.Ingress[:min(len(ingress.Status.LoadBalancer.Ingress), maxBalancers)] {
		balancer.Ingress = append(balancer.Ingress, corev1.LoadBalancerIngress{IP: at.IP, Hostname: at.Hostname})
	}
	return balancer, nil
}
