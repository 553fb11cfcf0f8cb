package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/cli"
	"github.com/kubefederation/federation-apiserver/pkg/credentials"
	"github.com/kubefederation/federation-apiserver/test/env"
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runTests keeps what the commands remember of a cluster from outliving it.
func runTests(m *testing.M) (int, error) {
	cache, err := os.MkdirTemp("", "kubectl-fed-cache-")
	if err != nil {
		return 1, err
	}
	if err := os.Setenv("KUBECACHEDIR", cache); err != nil {
		return 1, err
	}
	code := env.Run(m)
	return code, os.RemoveAll(cache)
}

const (
	patience     = 3 * time.Minute
	pollInterval = 50 * time.Millisecond
)

// fixture is a federation with the cluster cluster3 in it, which joins under
// other names too.
type fixture struct {
	*env.Environment
	t          *testing.T
	ctx        context.Context
	host       kubernetes.Interface
	member     kubernetes.Interface
	federation versioned.Interface
}

func setup(t *testing.T) *fixture {
	t.Helper()
	e := env.Shared(t)
	f := &fixture{Environment: e, t: t, ctx: t.Context()}
	var err error
	f.host, err = kubernetes.NewForConfig(e.Host().Config())
	require.NoError(t, err)
	f.member, err = kubernetes.NewForConfig(e.Member("cluster3").Config())
	require.NoError(t, err)
	f.federation, err = versioned.NewForConfig(e.Host().Config())
	require.NoError(t, err)
	return f
}

// run runs a command line in this process.
func (f *fixture) run(args ...string) (out, errOut string, code int) {
	f.t.Helper()
	return run(f.ctx, append(args, "--kubeconfig", f.JoinKubeconfig())...)
}

func run(ctx context.Context, args ...string) (out, errOut string, code int) {
	var stdout, stderr bytes.Buffer
	code = cli.Run(ctx, append([]string{"/usr/bin/kubectl-fed"}, args...), genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &stdout, ErrOut: &stderr})
	return stdout.String(), stderr.String(), code
}

// joined joins cluster3 under another name, until the test ends.
func (f *fixture) joined(name string, args ...string) string {
	f.t.Helper()
	f.t.Cleanup(func() {
		f.ctx = context.Background()
		_, errOut, code := f.run("unjoin", name, "--cluster-context", "cluster3")
		require.Zero(f.t, code, errOut)
	})
	out, errOut, code := f.run(append([]string{"join", name, "--cluster-context", "cluster3"}, args...)...)
	require.Zero(f.t, code, errOut)
	return out
}

func (f *fixture) cluster(name string) *corev1beta1.KubeFedCluster {
	f.t.Helper()
	cluster, err := f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace).Get(f.ctx, name, metav1.GetOptions{})
	require.NoError(f.t, err)
	return cluster
}

func (f *fixture) secretsOf(name string) []corev1.Secret {
	f.t.Helper()
	list, err := f.host.CoreV1().Secrets(env.SystemNamespace).List(f.ctx, metav1.ListOptions{})
	require.NoError(f.t, err)
	var found []corev1.Secret
	for _, secret := range list.Items {
		if strings.HasPrefix(secret.Name, name+"-") {
			found = append(found, secret)
		}
	}
	return found
}

func TestJoinAndUnjoin(t *testing.T) {
	f := setup(t)
	out := f.joined("third")
	require.Contains(t, out, " has joined as cluster3 already; what is placed under both names is one copy there\n")
	require.Contains(t, out, "third: ServiceAccount third-host created\n")
	require.Contains(t, out, "third: ClusterRole kubefed-controller-manager:third-host created\n")
	require.Contains(t, out, "host: KubeFedCluster third created\n")
	require.Contains(t, out, "third has joined and is ready (v1.")
	require.NotContains(t, out, "\x1b", "no control characters but on a terminal")

	cluster := f.cluster("third")
	require.Equal(t, f.Member("cluster3").Endpoint(), cluster.Spec.APIEndpoint)
	require.NotEmpty(t, cluster.Spec.CABundle)
	secrets := f.secretsOf("third")
	require.Len(t, secrets, 1)
	require.Equal(t, cluster.Spec.SecretRef.Name, secrets[0].Name)
	_, err := f.member.CoreV1().Secrets(env.SystemNamespace).Get(f.ctx, "third-host", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "no token lives forever")
	token := credentials.Read(string(secrets[0].Data["token"]))
	require.Equal(t, "third-host", token.ServiceAccount)
	require.WithinDuration(t, time.Now().Add(7*24*time.Hour), token.Expires, time.Hour)
	require.Equal(t, "168h0m0s", secrets[0].Annotations[corev1beta1.TokenLifetimeAnnotation])
	account, err := f.member.CoreV1().ServiceAccounts(env.SystemNamespace).Get(f.ctx, "third-host", metav1.GetOptions{})
	require.NoError(t, err)
	require.False(t, *account.AutomountServiceAccountToken)

	// Again: nothing new, what was taken away comes back.
	require.NoError(t, f.member.RbacV1().ClusterRoleBindings().Delete(f.ctx, "kubefed-controller-manager:third-host", metav1.DeleteOptions{}))
	role, err := f.member.RbacV1().ClusterRoles().Get(f.ctx, "kubefed-controller-manager:third-host", metav1.GetOptions{})
	require.NoError(t, err)
	whole := role.Rules
	role.Rules = role.Rules[:1]
	_, err = f.member.RbacV1().ClusterRoles().Update(f.ctx, role, metav1.UpdateOptions{})
	require.NoError(t, err)
	again, errOut, code := f.run("join", "third", "--cluster-context", "cluster3")
	require.Zero(t, code, errOut)
	require.Contains(t, again, "third: ServiceAccount third-host is up to date\n")
	require.Contains(t, again, "third: ClusterRoleBinding kubefed-controller-manager:third-host created\n")
	role, err = f.member.RbacV1().ClusterRoles().Get(f.ctx, "kubefed-controller-manager:third-host", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, whole, role.Rules)
	require.Len(t, f.secretsOf("third"), 1)
	require.Equal(t, cluster.Spec.SecretRef, f.cluster("third").Spec.SecretRef)

	// Another cluster may not have the name.
	_, errOut, code = f.run("join", "third", "--cluster-context", "cluster2")
	require.NotZero(t, code)
	require.Contains(t, errOut, `a cluster has joined as "third" already`)
	second, err := kubernetes.NewForConfig(f.Member("cluster2").Config())
	require.NoError(t, err)
	_, err = second.CoreV1().ServiceAccounts(env.SystemNamespace).Get(f.ctx, "third-host", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "nothing is made before that is known")

	out, errOut, code = f.run("unjoin", "third", "--cluster-context", "cluster3", "--dry-run")
	require.Zero(t, code, errOut)
	require.Contains(t, out, "host: KubeFedCluster third would be deleted\n")
	f.cluster("third")
	out, errOut, code = f.run("unjoin", "third", "--cluster-context", "cluster3")
	require.Zero(t, code, errOut)
	require.Contains(t, out, "third: ServiceAccount third-host deleted\n")
	require.Contains(t, out, "Namespace kube-federation-system stays: in it are ", "cluster3's own account is there")
	require.Empty(t, f.secretsOf("third"))
	_, err = f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace).Get(f.ctx, "third", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	for _, err := range []error{
		errorOf(f.member.CoreV1().ServiceAccounts(env.SystemNamespace).Get(f.ctx, "third-host", metav1.GetOptions{})),
		errorOf(f.member.RbacV1().Roles(env.SystemNamespace).Get(f.ctx, "kubefed-controller-manager:third-host:token", metav1.GetOptions{})),
		errorOf(f.member.RbacV1().RoleBindings(env.SystemNamespace).Get(f.ctx, "kubefed-controller-manager:third-host:token", metav1.GetOptions{})),
		errorOf(f.member.RbacV1().Roles(env.SystemNamespace).Get(f.ctx, "kubefed-controller-manager:third-host:owner", metav1.GetOptions{})),
		errorOf(f.member.RbacV1().RoleBindings(env.SystemNamespace).Get(f.ctx, "kubefed-controller-manager:third-host:owner", metav1.GetOptions{})),
		errorOf(f.member.RbacV1().ClusterRoles().Get(f.ctx, "kubefed-controller-manager:third-host", metav1.GetOptions{})),
		errorOf(f.member.RbacV1().ClusterRoleBindings().Get(f.ctx, "kubefed-controller-manager:third-host", metav1.GetOptions{})),
	} {
		require.True(t, apierrors.IsNotFound(err), "%v", err)
	}
	_, err = f.member.CoreV1().ServiceAccounts(env.SystemNamespace).Get(f.ctx, "cluster3-host", metav1.GetOptions{})
	require.NoError(t, err, "another membership is left alone")
}

func errorOf[T any](_ T, err error) error { return err }

func TestUnjoinDeletesItsNamespaceWhenNothingElseIsInIt(t *testing.T) {
	f := setup(t)
	const namespace = "another-federation"
	_, err := f.host.CoreV1().Namespaces().Create(f.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, f.host.CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{}))
	})
	join := func() {
		t.Helper()
		_, errOut, code := f.run("join", "alone", "--cluster-context", "cluster3", "--kubefed-namespace", namespace, "--secret-name", "alones-token", "--wait", "0")
		require.Zero(t, code, errOut)
	}
	unjoin := func() string {
		t.Helper()
		out, errOut, code := f.run("unjoin", "alone", "--cluster-context", "cluster3", "--kubefed-namespace", namespace)
		require.Zero(t, code, errOut)
		return out
	}
	join()
	_, err = f.host.CoreV1().Secrets(namespace).Get(f.ctx, "alones-token", metav1.GetOptions{})
	require.NoError(t, err)
	foreign, err := f.member.CoreV1().ConfigMaps(namespace).Create(f.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "somebodys"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Contains(t, unjoin(), "alone: Namespace another-federation stays: in it are configmaps/somebodys\n")
	_, err = f.member.CoreV1().ConfigMaps(namespace).Get(f.ctx, foreign.Name, metav1.GetOptions{})
	require.NoError(t, err)

	join()
	require.NoError(t, f.member.CoreV1().ConfigMaps(namespace).Delete(f.ctx, foreign.Name, metav1.DeleteOptions{}))
	require.Contains(t, unjoin(), "alone: Namespace another-federation deleted\n")
	require.Eventually(t, func() bool {
		_, err := f.member.CoreV1().Namespaces().Get(f.ctx, namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, patience, 50*time.Millisecond)
	require.Contains(t, unjoin(), "host: KubeFedCluster alone is not there\n", "twice is once")

	// A namespace that was there before is not join's to delete.
	_, err = f.member.CoreV1().Namespaces().Create(f.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, f.member.CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{}))
	})
	join()
	require.Contains(t, unjoin(), "alone: Namespace another-federation stays: it was not made by join\n")
}

func TestTheHostCanBeAMember(t *testing.T) {
	f := setup(t)
	_, errOut, code := f.run("join", "self", "--cluster-context", env.HostName)
	require.Zero(t, code, errOut)
	out, errOut, code := f.run("unjoin", "self", "--cluster-context", env.HostName)
	require.Zero(t, code, errOut)
	require.Contains(t, out, "self: Namespace kube-federation-system stays: it is that of the host\n")
	_, err := f.host.CoreV1().Namespaces().Get(f.ctx, env.SystemNamespace, metav1.GetOptions{})
	require.NoError(t, err)
}

func TestJoinLeavesAloneWhatItDidNotMake(t *testing.T) {
	f := setup(t)
	const name = "kubefed-controller-manager:fourth-host"
	_, err := f.member.RbacV1().ClusterRoles().Create(f.ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, errOut, code := f.run("join", "fourth", "--cluster-context", "cluster3")
	require.NotZero(t, code)
	require.Contains(t, errOut, `error: in cluster fourth: ClusterRole "`+name+`": it exists and was not made by join`)
	_, err = f.federation.CoreV1beta1().KubeFedClusters(env.SystemNamespace).Get(f.ctx, "fourth", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	out, errOut, code := f.run("unjoin", "fourth", "--cluster-context", "cluster3")
	require.Zero(t, code, errOut)
	require.Contains(t, out, "fourth: ClusterRole "+name+" stays: it was not made by join")

	f.joined("fourth", "--error-on-existing=false")
	role, err := f.member.RbacV1().ClusterRoles().Get(f.ctx, name, metav1.GetOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, role.Rules)
}

func TestUnjoinOfAClusterThatIsGone(t *testing.T) {
	f := setup(t)
	out := f.joined("fifth")
	require.Contains(t, out, "fifth has joined")
	require.NoError(t, f.Member("cluster3").RefuseNetwork(f.ctx))
	restored := false
	restore := func() {
		if !restored {
			restored = true
			require.NoError(t, f.Member("cluster3").RestoreNetwork(context.Background()))
		}
	}
	t.Cleanup(restore)
	_, errOut, code := f.run("unjoin", "fifth", "--cluster-context", "cluster3")
	require.NotZero(t, code)
	require.Contains(t, errOut, "Nothing was changed")
	f.cluster("fifth")
	out, errOut, code = f.run("unjoin", "fifth", "--cluster-context", "cluster3", "--force")
	require.Zero(t, code, errOut)
	require.Contains(t, out, "fifth: left as it is")
	require.Empty(t, f.secretsOf("fifth"))
	restore()
}

func TestDryRunPrintsWhatJoinMakes(t *testing.T) {
	f := setup(t)
	out, errOut, code := f.run("join", "sixth", "--cluster-context", "cluster3", "--dry-run", "--host-cluster-name", "hub")
	require.Zero(t, code, errOut)
	got := sets.New[string]()
	for _, document := range strings.Split(out, "---\n")[1:] {
		var object struct {
			APIVersion, Kind string
			Metadata         metav1.ObjectMeta
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object), document)
		got.Insert(object.APIVersion + " " + object.Kind + " " + object.Metadata.Namespace + "/" + object.Metadata.Name + object.Metadata.GenerateName)
	}
	require.Equal(t, sets.New(
		"v1 Namespace /kube-federation-system",
		"v1 ServiceAccount kube-federation-system/sixth-hub",
		"rbac.authorization.k8s.io/v1 Role kube-federation-system/kubefed-controller-manager:sixth-hub:token",
		"rbac.authorization.k8s.io/v1 RoleBinding kube-federation-system/kubefed-controller-manager:sixth-hub:token",
		"rbac.authorization.k8s.io/v1 Role kube-federation-system/kubefed-controller-manager:sixth-hub:owner",
		"rbac.authorization.k8s.io/v1 RoleBinding kube-federation-system/kubefed-controller-manager:sixth-hub:owner",
		"rbac.authorization.k8s.io/v1 ClusterRole /kubefed-controller-manager:sixth-hub",
		"rbac.authorization.k8s.io/v1 ClusterRoleBinding /kubefed-controller-manager:sixth-hub",
		"v1 Secret kube-federation-system/sixth-",
		"core.kubefed.io/v1beta1 KubeFedCluster kube-federation-system/sixth",
	), got)
	_, err := f.member.CoreV1().ServiceAccounts(env.SystemNamespace).Get(f.ctx, "sixth-hub", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	require.Empty(t, f.secretsOf("sixth"))
}

func TestMistakesAreNamed(t *testing.T) {
	f := setup(t)
	config, err := clientcmd.LoadFromFile(f.JoinKubeconfig())
	require.NoError(t, err)
	config.Contexts["admin@cluster3"] = config.Contexts["cluster3"]
	named := config.Clusters["cluster3"].DeepCopy()
	named.TLSServerName = "cluster3.example"
	config.Clusters["named"] = named
	config.Contexts["named"] = config.Contexts["cluster3"].DeepCopy()
	config.Contexts["named"].Cluster = "named"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, path))

	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"join"}, "accepts 1 arg(s), received 0"},
		{[]string{"join", "seventh"}, `the kubeconfig has no context "seventh"; it has: admin@cluster3, cluster1, cluster2, cluster3, host, named`},
		{[]string{"join", "Seventh", "--cluster-context", "cluster3"}, `the name of the cluster, "Seventh"`},
		{[]string{"join", "seventh", "--cluster-context", "cluster3", "--host-cluster-context", "admin@cluster3"}, "give another one with --host-cluster-name"},
		{[]string{"join", "seventh", "--cluster-context", "cluster3", "--host-cluster-context", "cluster2"}, "the host does not serve core.kubefed.io/v1beta1: is the federation installed there"},
		{[]string{"join", "seventh", "--cluster-context", "cluster3", "--member-rights", "some"}, `--member-rights "some": must be types or all`},
		{[]string{"join", "seventh", "--cluster-context", "cluster3", "--token-lifetime", "1m"}, "--token-lifetime 1m0s: must be at least 10m0s"},
		{[]string{"join", "named"}, "sets tls-server-name"},
		{[]string{"join", "seventh", "--cluster-context", "cluster3", "--kubefed-namespace", "not-there"}, `"not-there" not found`},
		{[]string{"unjoin", "seventh", "--cluster-context", "cluster3", "--kubefed-namespace", "not-there"}, `"not-there" not found`},
		{[]string{"leave"}, "unknown command"},
		{[]string{"join", "--sekret-name", "x"}, "unknown flag: --sekret-name"},
	} {
		out, errOut, code := run(f.ctx, append(test.args, "--kubeconfig", path)...)
		require.NotZero(t, code, out)
		require.Contains(t, errOut, test.want)
		require.True(t, strings.HasPrefix(errOut, "error: "), errOut)
	}
	_, err = f.member.CoreV1().Namespaces().Get(f.ctx, "not-there", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "nothing was made")
}

func TestVersionAndNames(t *testing.T) {
	out, errOut, code := run(t.Context(), "version")
	require.Zero(t, code, errOut)
	require.Regexp(t, `^kubectl-fed \S+.* \(go1\.\d+.*, linux/\w+\)\n$`, out)

	var plugin, kubefedctl bytes.Buffer
	require.Zero(t, cli.Run(t.Context(), []string{"/bin/kubectl-fed", "join", "--help"}, genericiooptions.IOStreams{Out: &plugin, ErrOut: &plugin}))
	require.Contains(t, plugin.String(), "kubectl fed join NAME [flags]")
	require.Zero(t, cli.Run(t.Context(), []string{"/bin/kubefedctl", "join", "--help"}, genericiooptions.IOStreams{Out: &kubefedctl, ErrOut: &kubefedctl}))
	require.Contains(t, kubefedctl.String(), "kubefedctl join NAME [flags]")
	for _, flag := range []string{"--cluster-context", "--host-cluster-context", "--host-cluster-name", "--secret-name", "--error-on-existing", "--kubefed-namespace", "--kubeconfig", "--dry-run", "-v, --v"} {
		require.Contains(t, kubefedctl.String(), flag)
	}
}
