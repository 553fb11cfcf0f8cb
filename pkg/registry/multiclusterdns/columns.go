package multiclusterdns

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
)

// published shows whether the names of a record are published.
func published[T static.Object](conditions func(T) []metav1.Condition) table.Column[T] {
	return table.Column[T]{
		Name: "Published", Description: "Whether the names are published.",
		Cell: func(record T) string {
			if condition := meta.FindStatusCondition(conditions(record), dns.PublishedCondition); condition != nil {
				return string(condition.Status)
			}
			return string(metav1.ConditionUnknown)
		},
	}
}

// reached shows in how many clusters there is a load balancer.
func reached[T any](clusters []T, of func(T) corev1.LoadBalancerStatus) string {
	n := 0
	for _, cluster := range clusters {
		if len(of(cluster).Ingress) > 0 {
			n++
		}
	}
	return fmt.Sprintf("%d/%d", n, len(clusters))
}
