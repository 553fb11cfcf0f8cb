package dns

import (
	"context"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
)

type (
	serviceRecord = v1alpha1.ServiceDNSRecord
	ingressRecord = v1alpha1.IngressDNSRecord
)

// recordKind is what distinguishes the two kinds of records.
type recordKind[R metav1.Object] struct {
	name string
	// prefix is that of the names of its DNSEndpoints.
	prefix  string
	observe newObserver
	// informer is that of its records.
	informer func(externalversions.SharedInformerFactory) cache.SharedIndexInformer
	copy     func(R) R
	// judge decides what becomes of a record and sets its status. domain finds the
	// Domain of a name, nil if there is none.
	judge func(record R, domain func(name string) *v1alpha1.Domain, shards []shard) judgement
	// domain is the name of the Domain that a record is made in, if any.
	domain func(R) string
	// conditions and observed are in the status.
	conditions func(R) *[]metav1.Condition
	observed   func(R) *int64
	// same says whether two records have the same status.
	same  func(a, b R) bool
	write func(context.Context, R) error
	// exists asks the storage whether there is a record of the name.
	exists func(ctx context.Context, namespace, name string) (bool, error)
}

func serviceKind(c *Controller) recordKind[*serviceRecord] {
	client := c.Federation.MulticlusterdnsV1alpha1()
	return recordKind[*serviceRecord]{
		name: "ServiceDNSRecord", prefix: "service-", observe: observeServices,
		informer: func(f externalversions.SharedInformerFactory) cache.SharedIndexInformer {
			return f.Multiclusterdns().V1alpha1().ServiceDNSRecords().Informer()
		},
		copy: (*serviceRecord).DeepCopy,
		judge: func(r *serviceRecord, domain func(string) *v1alpha1.Domain, shards []shard) judgement {
			return judgeService(r, domain(r.Spec.DomainRef), shards)
		},
		domain:     func(r *serviceRecord) string { return r.Spec.DomainRef },
		conditions: func(r *serviceRecord) *[]metav1.Condition { return &r.Status.Conditions },
		observed:   func(r *serviceRecord) *int64 { return &r.Status.ObservedGeneration },
		same:       func(a, b *serviceRecord) bool { return apiequality.Semantic.DeepEqual(a.Status, b.Status) },
		write: func(ctx context.Context, r *serviceRecord) error {
			_, err := client.ServiceDNSRecords(r.Namespace).UpdateStatus(ctx, r, metav1.UpdateOptions{})
			return err
		},
		exists: func(ctx context.Context, namespace, name string) (bool, error) {
			r, err := client.ServiceDNSRecords(namespace).Get(ctx, name, metav1.GetOptions{})
			return present(r, err)
		},
	}
}

func ingressKind(c *Controller) recordKind[*ingressRecord] {
	client := c.Federation.MulticlusterdnsV1alpha1()
	return recordKind[*ingressRecord]{
		name: "IngressDNSRecord", prefix: "ingress-", observe: observeIngresses,
		informer: func(f externalversions.SharedInformerFactory) cache.SharedIndexInformer {
			return f.Multiclusterdns().V1alpha1().IngressDNSRecords().Informer()
		},
		copy: (*ingressRecord).DeepCopy,
		judge: func(r *ingressRecord, _ func(string) *v1alpha1.Domain, shards []shard) judgement {
			return judgeIngress(r, shards)
		},
		domain:     func(*ingressRecord) string { return "" },
		conditions: func(r *ingressRecord) *[]metav1.Condition { return &r.Status.Conditions },
		observed:   func(r *ingressRecord) *int64 { return &r.Status.ObservedGeneration },
		same:       func(a, b *ingressRecord) bool { return apiequality.Semantic.DeepEqual(a.Status, b.Status) },
		write: func(ctx context.Context, r *ingressRecord) error {
			_, err := client.IngressDNSRecords(r.Namespace).UpdateStatus(ctx, r, metav1.UpdateOptions{})
			return err
		},
		exists: func(ctx context.Context, namespace, name string) (bool, error) {
			r, err := client.IngressDNSRecords(namespace).Get(ctx, name, metav1.GetOptions{})
			return present(r, err)
		},
	}
}

// present says whether an object was found that is not being deleted.
func present(obj metav1.Object, err error) (bool, error) {
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && obj.GetDeletionTimestamp() == nil, err
}

// isStale says that a write was based on what has changed since.
func isStale(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
