package deploy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	systemNamespace = "kube-federation-system"
	serverName      = "federation-apiserver"
	// etcdServer is what the kustomization has as an example.
	etcdServer = "https://etcd.kube-federation-system.svc:2379"
	caBundle   = "bm90aGluZw=="

	// buildLimit is for the first build of Helm.
	buildLimit = 25 * time.Minute
)

// deployPath is a path below deploy/.
func deployPath(elements ...string) string {
	return filepath.Join(append([]string{"..", "..", "deploy"}, elements...)...)
}

// kustomization writes a kustomization as a user would, with paths below deploy/, and returns its folder.
func kustomization(t *testing.T, resource string, components ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	relative := func(path string) string {
		absolute, err := filepath.Abs(deployPath(path))
		require.NoError(t, err)
		// Kustomize takes no absolute paths.
		r, err := filepath.Rel(dir, absolute)
		require.NoError(t, err)
		return r
	}
	text := "resources:\n- " + relative(resource) + "\n"
	if len(components) > 0 {
		text += "components:\n"
	}
	for _, component := range components {
		text += "- " + relative(filepath.Join("components", component)) + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600))
	return dir
}

// kustomize renders a folder with the library that kubectl has.
func kustomize(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	text, err := resources.AsYaml()
	require.NoError(t, err)
	return decode(t, text)
}

// helm is Helm's command, built from its module.
var helm = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	repository, err := binaries.FindRepository()
	if err != nil {
		return "", err
	}
	return repository.Helm(ctx, progress.NewWriter(os.Stderr))
})

// runHelm runs Helm with folders of its own.
func runHelm(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := helm()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), path, args...)
	home := t.TempDir()
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	err = command.Run()
	return out.String(), complaints.String(), err
}

// template renders a chart in a namespace with values in the form of --set.
func template(t *testing.T, chart, namespace string, values ...string) []*unstructured.Unstructured {
	t.Helper()
	args := []string{"template", "federation", deployPath("charts", chart), "--namespace", namespace}
	for _, value := range values {
		args = append(args, "--set", value)
	}
	stdout, stderr, err := runHelm(t, args...)
	require.NoError(t, err, stderr)
	return decode(t, []byte(stdout))
}

func decode(t *testing.T, text []byte) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err)
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// key names an object to a person.
func key(object *unstructured.Unstructured) string {
	return strings.Join([]string{object.GetAPIVersion(), object.GetKind(), object.GetNamespace(), object.GetName()}, " ")
}

// workload is the object that makes the server's pods.
func workload(t *testing.T, objects []*unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	for _, object := range objects {
		if kind := object.GetKind(); kind == "StatefulSet" || kind == "Deployment" {
			return object
		}
	}
	require.Fail(t, "no workload")
	return nil
}

// container is the server's in a workload.
func container(t *testing.T, workload *unstructured.Unstructured) map[string]any {
	t.Helper()
	containers, found, err := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	require.NoError(t, err)
	require.True(t, found)
	require.Len(t, containers, 1)
	return containers[0].(map[string]any)
}
