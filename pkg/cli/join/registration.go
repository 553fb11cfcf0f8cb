package join

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
)

// registrationOf returns the KubeFedCluster of a member, without the name of its Secret.
func registrationOf(m membership.Membership, cluster *connect.Cluster) (*corev1beta1.KubeFedCluster, error) {
	if cluster.Entry.TLSServerName != "" {
		return nil, fmt.Errorf("context %q of the kubeconfig sets tls-server-name, which a KubeFedCluster cannot: use an address that is in the cluster's certificate", cluster.Context)
	}
	bundle, err := cluster.CABundle()
	if err != nil {
		return nil, err
	}
	registration := &corev1beta1.KubeFedCluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: corev1beta1.SchemeGroupVersion.String(), Kind: "KubeFedCluster"},
		ObjectMeta: metav1.ObjectMeta{Name: m.Cluster, Namespace: m.Namespace},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: cluster.Entry.Server,
			CABundle:    bundle,
			ProxyURL:    cluster.Entry.ProxyURL,
		},
	}
	if cluster.Entry.InsecureSkipTLSVerify {
		registration.Spec.DisabledTLSValidations = []corev1beta1.TLSValidation{corev1beta1.TLSAll}
	}
	return registration, nil
}

// printObjects prints what join would create. The token is not known then.
func (o *Options) printObjects(m membership.Membership, registration *corev1beta1.KubeFedCluster) error {
	out, secretName := o.Streams.Out, o.SecretName
	inMember := []any{m.SystemNamespace(), m.ServiceAccount()}
	if o.TokenLifetime == 0 {
		inMember = append(inMember, m.ServiceAccountToken())
	}
	for _, role := range m.ClusterRoles() {
		inMember = append(inMember, role)
	}
	for _, binding := range m.ClusterRoleBindings() {
		inMember = append(inMember, binding)
	}
	for _, role := range m.Roles() {
		inMember = append(inMember, role)
	}
	for _, binding := range m.RoleBindings() {
		inMember = append(inMember, binding)
	}
	secret := m.HostSecret(secretName, nil, o.TokenLifetime)
	registration.Spec.SecretRef.Name = secretName
	if secretName == "" {
		registration.Spec.SecretRef.Name = secret.GenerateName + "<random>"
	}

	for _, part := range []struct {
		title   string
		objects []any
	}{
		{"In the cluster that joins.", inMember},
		{"In the host; the Secret gets a token of the service account.", []any{secret, registration}},
	} {
		fmt.Fprintf(out, "# %s\n", part.title)
		for _, object := range part.objects {
			text, err := yaml.Marshal(object)
			if err != nil {
				return fmt.Errorf("printing the objects: %w", err)
			}
			if _, err := fmt.Fprintf(out, "---\n%s", text); err != nil {
				return err
			}
		}
	}
	return nil
}
