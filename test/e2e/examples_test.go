package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env/binaries"
)

// TestExamples applies every example as it is, in order, waits until each does what it says, and deletes all again.
func TestExamples(t *testing.T) {
	f := setup(t)
	f.quiet()
	repository, err := binaries.FindRepository()
	require.NoError(t, err)
	files, err := filepath.Glob(repository.Path("examples", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	t.Cleanup(func() {
		if t.Failed() {
			f.dump("examples")
		}
		for i := range files {
			f.kubectlAfter("delete", "-f", files[len(files)-1-i], "--ignore-not-found", "--wait=false")
		}
		// The orphans of 8-deletion.yaml stay with their namespace, which the members then delete.
		f.kubectlAfter("delete", "namespace", "examples", "--ignore-not-found", "--wait=false")
	})
	for _, file := range files {
		f.kubectl("apply", "--server-side", "-f", file)
		f.eventually(filepath.Base(file)+" to be done", func() error { return f.done(file) })
	}
	f.awaitCopy(cluster2, configMaps, "examples", "settings", hasString("debug", "data", "log-level"))
	f.awaitCopy(cluster1, configMaps, "examples", "endpoints", hasString("images.eu.example.com", "data", "registry"))
	f.awaitCopy(cluster3, configMaps, "examples", "endpoints", hasString("images.cluster3.example.com", "data", "registry"))
	f.awaitCopy(cluster1, deployments, "examples", "workers", hasReplicas(4))

	f.kubectl("-n", "examples", "delete", "federatedconfigmap", "precious", timeoutFlag)
	f.awaitCopy(cluster1, configMaps, "examples", "precious", hasString("always", "data", "kept"))
	f.kubectl("-n", "examples", "delete", "federatedsecret", "token", timeoutFlag)
	f.requireAbsent(cluster1, core("secrets"), "examples", "token")
}

// done checks that every object of a manifest reports success about its present generation, as far as objects of its kind
// report.
func (f *federation) done(file string) error {
	f.t.Helper()
	var list struct {
		Items []unstructured.Unstructured `json:"items"`
	}
	output := f.kubectl("get", "-f", file, "-o", "json")
	if err := json.Unmarshal([]byte(output), &list); err != nil {
		return err
	}
	if len(list.Items) == 0 {
		// kubectl prints one object as it is.
		list.Items = make([]unstructured.Unstructured, 1)
		if err := json.Unmarshal([]byte(output), &list.Items[0].Object); err != nil {
			return err
		}
	}
	conditions := map[string]string{
		"types.kubefed.io": "Propagation", "scheduling.kubefed.io": "Scheduled", "core.kubefed.io": "Served",
	}
	var errs []error
	for i := range list.Items {
		object := &list.Items[i]
		if condition, ok := conditions[object.GroupVersionKind().Group]; ok {
			if err := hasCondition(object, condition, "True", ""); err != nil {
				errs = append(errs, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err))
			}
		}
	}
	return errors.Join(errs...)
}
