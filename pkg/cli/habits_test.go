package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/pkg/cli"
	"github.com/kubefederation/federation-apiserver/test/env"
)

func federated(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: resource}
}

// namespace makes a namespace in the host until the test ends.
func (f *fixture) namespace(name string) string {
	f.t.Helper()
	_, err := f.host.CoreV1().Namespaces().Create(f.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		ctx := context.Background()
		err := f.host.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
		require.True(f.t, err == nil || apierrors.IsNotFound(err), "%v", err)
		require.Eventually(f.t, func() bool {
			_, err := f.host.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		}, patience, pollInterval)
		for _, member := range []string{"cluster1", "cluster2", "cluster3"} {
			// A test may have let copies go.
			err := f.in(member).CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
			require.True(f.t, err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err), "%v", err)
		}
	})
	return name
}

func (f *fixture) in(member string) kubernetes.Interface {
	f.t.Helper()
	client, err := kubernetes.NewForConfig(f.Member(member).Config())
	require.NoError(f.t, err)
	return client
}

// eventually waits until check finds nothing wrong.
func (f *fixture) eventually(what string, check func() error) {
	f.t.Helper()
	require.EventuallyWithT(f.t, func(c *assert.CollectT) { assert.NoError(c, check(), what) }, patience, pollInterval)
}

// kubefedctl runs a command line as KubeFed's users call it.
func (f *fixture) kubefedctl(args ...string) string {
	f.t.Helper()
	var out, errOut bytes.Buffer
	code := cli.Run(f.ctx, append([]string{"/usr/local/bin/kubefedctl"}, append(args, "--kubeconfig", f.JoinKubeconfig())...),
		genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut})
	require.Zero(f.t, code, "%v\n%s%s", args, out.String(), errOut.String())
	return out.String()
}

// TestHabitsOfKubefedctl is the flow of KubeFed's user guide.
func TestHabitsOfKubefedctl(t *testing.T) {
	f := setup(t)
	namespace := f.namespace("habits")
	configMaps := f.host.CoreV1().ConfigMaps(namespace)
	_, err := configMaps.Create(f.ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings", Labels: map[string]string{"tier": "web"}, Annotations: map[string]string{"example.com/note": "kept"}},
		Data:       map[string]string{"key": "value"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = f.host.CoreV1().Services(namespace).Create(f.ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = f.host.CoreV1().ResourceQuotas(namespace).Create(f.ctx, &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "quota"}}, metav1.CreateOptions{})
	require.NoError(t, err)

	require.Contains(t, f.kubefedctl("enable", "configmaps", "--host-cluster-context", "host"), "federatedtypeconfig.core.kubefed.io/configmaps updated in namespace kube-federation-system\n")

	// A quota is no federated type: nothing is done before that is known.
	complaint := f.fail("federate", "namespace", namespace, "--contents")
	require.Contains(t, complaint, "these types are not federated: resourcequotas; enable them with --enable-type")
	_, err = f.objects(federated("federatednamespaces")).Namespace(namespace).Get(f.ctx, namespace, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	preview := f.succeed("federate", "namespace", namespace, "--contents", "--skip-api-resources", "quota", "-o", "yaml")
	require.Contains(t, preview, "kind: FederatedConfigMap\n")
	require.NotContains(t, preview, "FederatedResourceQuota")

	t.Cleanup(func() {
		f.ctx = context.Background()
		if _, err := f.typeConfig("resourcequotas"); err == nil {
			f.succeed("disable", "resourcequotas")
		}
	})
	out := f.kubefedctl("federate", "namespace", namespace, "--contents", "--enable-type")
	require.Equal(t, "federatedtypeconfig.core.kubefed.io/resourcequotas created in namespace kube-federation-system\n"+
		"federatednamespace.types.kubefed.io/habits created in namespace habits\n"+
		"federatedconfigmap.types.kubefed.io/settings created in namespace habits\n"+
		"federatedresourcequota.types.kubefed.io/quota created in namespace habits\n"+
		"federatedservice.types.kubefed.io/web created in namespace habits\n", out)
	require.NoError(t, f.RefreshRights(f.ctx), "for the type that is new")
	for _, member := range []string{"cluster1", "cluster2", "cluster3"} {
		f.eventually("the copies in "+member, func() error {
			if _, err := f.in(member).CoreV1().Services(namespace).Get(f.ctx, "web", metav1.GetOptions{}); err != nil {
				return err
			}
			copied, err := f.in(member).CoreV1().ConfigMaps(namespace).Get(f.ctx, "settings", metav1.GetOptions{})
			if err != nil {
				return err
			}
			if copied.Data["key"] != "value" || copied.Labels["tier"] != "web" || copied.Annotations["example.com/note"] != "kept" {
				return fmt.Errorf("the copy is another: %v", copied)
			}
			return nil
		})
	}
	require.Contains(t, f.fail("federate", "configmap", "settings", "-n", namespace), "federatedconfigmap.types.kubefed.io/settings in namespace habits already exists")

	require.Equal(t, "Disabled\n", f.kubefedctl("orphaning-deletion", "status", "federatedconfigmap", "settings", "-n", namespace))
	f.kubefedctl("orphaning-deletion", "enable", "federatedconfigmap", "settings", "--namespace", namespace)
	require.Equal(t, "Enabled\n", f.kubefedctl("orphaning-deletion", "status", "federatedconfigmap", "settings", "-n", namespace))
	f.kubefedctl("orphaning-deletion", "disable", "federatedconfigmap", "settings", "-n", namespace)
	require.Equal(t, "Disabled\n", f.kubefedctl("orphaning-deletion", "status", "fcm/settings", "-n", namespace))
	f.kubefedctl("orphaning-deletion", "enable", "fcm", "settings", "-n", namespace)
	require.NoError(t, f.objects(federated("federatedconfigmaps")).Namespace(namespace).Delete(f.ctx, "settings", metav1.DeleteOptions{}))
	f.eventually("the copy to be let go", func() error {
		copied, err := f.in("cluster1").CoreV1().ConfigMaps(namespace).Get(f.ctx, "settings", metav1.GetOptions{})
		if err == nil && copied.Labels["kubefed.io/managed"] != "" {
			err = errors.New("it has its label")
		}
		return err
	})

	require.NoError(t, f.objects(federated("federatedresourcequotas")).Namespace(namespace).Delete(f.ctx, "quota", metav1.DeleteOptions{}))
	f.eventually("the quota to be gone", func() error {
		list, err := f.objects(federated("federatedresourcequotas")).List(f.ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) > 0 {
			err = errors.New("it is there")
		}
		return err
	})
	out = f.kubefedctl("disable", "resourcequotas", "--delete-crd")
	require.Contains(t, out, "federatedtypeconfig.core.kubefed.io/resourcequotas deleted in namespace "+env.SystemNamespace+"\n")
}
