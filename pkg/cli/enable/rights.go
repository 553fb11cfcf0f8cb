package enable

import (
	"context"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
)

// NoteRights tells which members have not given the federation the rights for the
// target of a type config yet, and how they do. Whoever may not list the members is
// told nothing: the status of the federated objects will say it.
func NoteRights(ctx context.Context, client *federation.Client, config *corev1beta1.FederatedTypeConfig, out io.Writer) {
	clusters, err := client.Core.CoreV1beta1().KubeFedClusters(client.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	target := config.Spec.TargetType
	for i := range clusters.Items {
		cluster := &clusters.Items[i]
		if membership.Lacks(cluster.Annotations, target.PluralName, target.Group) {
			fmt.Fprintf(out, "%s does not let the federation write %s yet; to change that: kubectl fed join %s\n", cluster.Name, config.Name, cluster.Name)
		}
	}
}
