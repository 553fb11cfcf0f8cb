package kubefed

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

func TestMain(m *testing.M) { os.Exit(env.Run(m)) }

const (
	// patience bounds what is waited for after the suite.
	patience = 2 * time.Minute
	// callTimeout is how long the suite waits for each thing.
	callTimeout = "60s"
	// suiteLimit bounds the suite as a whole.
	suiteLimit = 15 * time.Minute
	// namespacePrefix is how the suite names its namespaces.
	namespacePrefix = "e2e-tests-"
)

// junit is what is read of the suite's report.
type junit struct {
	Cases []result `xml:"testcase"`
}

// result is one case.
type result struct {
	Name    string    `xml:"name,attr"`
	Time    float64   `xml:"time,attr"`
	Failure *string   `xml:"failure"`
	Skipped *struct{} `xml:"skipped"`
	Output  string    `xml:"system-out"`
}

func (r result) failed() bool { return r.Failure != nil }

func TestKubeFedSuite(t *testing.T) {
	environment := env.Shared(t)
	repository, err := binaries.FindRepository()
	require.NoError(t, err)
	suite, err := repository.KubeFedSuite(t.Context(), progress.NewWriter(os.Stderr))
	require.NoError(t, err)
	prepare(t, environment)

	report := run(t, environment, suite)
	require.Len(t, report.Cases, caseCount)
	seen := map[string]bool{}
	for _, result := range report.Cases {
		seen[result.Name] = true
		t.Run(result.Name, func(t *testing.T) {
			reason, skipped := excluded[result.Name]
			switch {
			case skipped:
				require.NotNil(t, result.Skipped, "the case was run, although it %s", reason)
			case result.failed():
				t.Errorf("%s\n%s", *result.Failure, lastLines(result.Output, 60))
			default:
				require.Nil(t, result.Skipped, "the suite skipped the case by itself")
			}
		})
	}
	for name := range excluded {
		require.True(t, seen[name], "no such case: %s", name)
	}
}

// run runs the suite without the excluded cases and returns its report.
func run(t *testing.T, environment *env.Environment, suite string) *junit {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "report.xml")
	var skip []string
	for name := range excluded {
		skip = append(skip, regexp.QuoteMeta(name))
	}
	slices.Sort(skip)
	ctx, cancel := context.WithTimeout(t.Context(), suiteLimit)
	defer cancel()
	command := exec.CommandContext(ctx, suite,
		"-kubeconfig="+environment.Kubeconfig(), "-context="+env.HostName, "-kubefed-namespace="+env.SystemNamespace,
		"-single-call-timeout="+callTimeout, "-ginkgo.noColor", "-ginkgo.skip="+strings.Join(skip, "|"), "-ginkgo.reportFile="+path)
	command.Dir = dir
	began := time.Now()
	output, err := command.CombinedOutput()
	t.Logf("the suite took %s", time.Since(began).Round(time.Second))

	written, readErr := os.ReadFile(path)
	require.NoError(t, readErr, "the suite wrote no report: %v\n%s", err, lastLines(string(output), 100))
	report := &junit{}
	require.NoError(t, xml.Unmarshal(written, report))
	if err != nil && !slices.ContainsFunc(report.Cases, result.failed) {
		t.Errorf("the suite failed outside its cases: %v\n%s", err, lastLines(string(output), 100))
	}
	return report
}

func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

// prepare makes the federation what the suite expects, and puts it back after the
// test: two members, and raw collection of status.
func prepare(t *testing.T, environment *env.Environment) {
	t.Helper()
	config := environment.Host().Config()
	federation, err := versioned.NewForConfig(config)
	require.NoError(t, err)
	host, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	core := federation.CoreV1beta1()

	before, err := core.KubeFedConfigs(env.SystemNamespace).Get(t.Context(), "kubefed", metav1.GetOptions{})
	require.NoError(t, err)
	typesBefore, err := core.FederatedTypeConfigs(env.SystemNamespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		awaitNoNamespaces(ctx, t, host)
		restore(ctx, t, federation, before, typesBefore)
	})

	// Cases about scheduling are for two members exactly.
	for _, member := range environment.Members()[2:] {
		require.NoError(t, environment.Unjoin(t.Context(), member))
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			require.NoError(t, environment.Join(ctx, member))
		})
	}
	gates := slices.Clone(before.Spec.FeatureGates)
	for i := range gates {
		if gates[i].Name == corev1beta1.RawResourceStatusCollection {
			gates[i].Configuration = corev1beta1.ConfigurationEnabled
		}
	}
	patch(t.Context(), t, federation, "kubefedconfigs", before.Name, map[string]any{
		"featureGates": gates,
		// KubeFed removes what is not placed any more at once.
		"removals": map[string]any{"clustersPerObject": "100%", "objects": "100%", "confirm": []string{}},
	})
}

// restore puts back what prepare and the suite changed.
func restore(ctx context.Context, t *testing.T, federation versioned.Interface, config *corev1beta1.KubeFedConfig, typeConfigs *corev1beta1.FederatedTypeConfigList) {
	t.Helper()
	patch(ctx, t, federation, "kubefedconfigs", config.Name, map[string]any{"featureGates": config.Spec.FeatureGates, "removals": config.Spec.Removals})
	for _, typeConfig := range typeConfigs.Items {
		patch(ctx, t, federation, "federatedtypeconfigs", typeConfig.Name, map[string]any{"statusCollection": typeConfig.Spec.StatusCollection})
	}
}

func patch(ctx context.Context, t *testing.T, federation versioned.Interface, resource, name string, spec map[string]any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"spec": spec})
	require.NoError(t, err)
	err = federation.CoreV1beta1().RESTClient().Patch(types.MergePatchType).Namespace(env.SystemNamespace).
		Resource(resource).Name(name).Body(body).Do(ctx).Error()
	require.NoError(t, err, "patch %s %s", resource, name)
}

// awaitNoNamespaces waits until the namespaces of the suite are gone: it deletes
// them without waiting.
func awaitNoNamespaces(ctx context.Context, t *testing.T, host kubernetes.Interface) {
	t.Helper()
	var left []string
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		namespaces, err := host.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		left = nil
		for _, namespace := range namespaces.Items {
			if strings.HasPrefix(namespace.Name, namespacePrefix) {
				left = append(left, namespace.Name)
			}
		}
		return len(left) == 0, nil
	})
	require.NoError(t, err, "namespaces that do not go: %v", left)
}
