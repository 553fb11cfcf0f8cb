package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

var domains = schema.GroupVersionResource{Group: "multiclusterdns.kubefed.io", Version: "v1alpha1", Resource: "domains"}

// domain is an object of a kind that is always there.
func domain(name, value string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "multiclusterdns.kubefed.io/v1alpha1", "kind": "Domain", "domain": "example.com",
		"metadata": map[string]any{"name": name, "annotations": map[string]any{"example.com/value": value}},
	}}
}

// The procedure of docs/operations.md for an embedded etcd, which is encrypted.
func TestBackupAndRestoreOfTheEmbeddedStore(t *testing.T) {
	const secret = "not-for-everybody"
	dataDir := t.TempDir()
	encrypted := encryption(t, "'*.*'", newKey(t, "first"))
	s := start(t, dataDir, encrypted)
	objects := s.client().Resource(domains).Namespace("default")
	saved, err := objects.Create(t.Context(), domain("saved", secret), metav1.CreateOptions{})
	require.NoError(t, err)

	backup := filepath.Join(t.TempDir(), "federation.db")
	_, stderr, err := run(t, "backup", backup, "--data-dir="+dataDir)
	require.NoError(t, err, stderr)
	info, err := os.Stat(backup)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Empty(t, filesWith(t, filepath.Dir(backup), secret), "what is encrypted in the store is encrypted in its backup")

	require.NoError(t, objects.Delete(t.Context(), "saved", metav1.DeleteOptions{}))
	_, err = objects.Create(t.Context(), domain("lost", "x"), metav1.CreateOptions{})
	require.NoError(t, err)
	seen, err := objects.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	_, stderr, err = run(t, "restore", backup, "--data-dir="+dataDir)
	require.Error(t, err)
	assert.Contains(t, stderr, "another process uses this data directory")
	s.terminate()

	path, err := executable()
	require.NoError(t, err)
	restore := exec.CommandContext(t.Context(), path, "restore", "-", "--data-dir="+dataDir)
	file, err := os.Open(backup)
	require.NoError(t, err)
	defer file.Close()
	restore.Stdin = file
	output, err := restore.CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Contains(t, string(output), "etcd.before-")

	s = start(t, dataDir, encrypted)
	objects = s.client().Resource(domains).Namespace("default")
	got, err := objects.Get(t.Context(), "saved", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, saved.GetUID(), got.GetUID())
	assert.Equal(t, secret, got.GetAnnotations()["example.com/value"])
	_, err = objects.Get(t.Context(), "lost", metav1.GetOptions{})
	assert.True(t, apierrors.IsNotFound(err), "%v", err)
	now, err := objects.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Greater(t, len(now.GetResourceVersion()), len(seen.GetResourceVersion()), "versions do not go back")
	// A client that watched before is told to list again.
	watching, err := objects.Watch(t.Context(), metav1.ListOptions{ResourceVersion: seen.GetResourceVersion()})
	if err == nil {
		event := <-watching.ResultChan()
		err = apierrors.FromObject(event.Object)
		watching.Stop()
	}
	assert.True(t, apierrors.IsResourceExpired(err) || apierrors.IsGone(err), "%v", err)
}

// Row 83: a store that is full refuses writes with a word that explains it, and
// goes on with a larger quota. Nothing is lost.
func TestFullStoreRefusesWritesAndRecovers(t *testing.T) {
	dataDir := t.TempDir()
	s := start(t, dataDir, "--embedded-etcd-quota-bytes=8388608")
	objects := s.client().Resource(domains).Namespace("default")
	value := strings.Repeat("x", 200<<10)
	stored := 0
	var refused error
	require.NoError(t, wait.PollUntilContextTimeout(t.Context(), pollInterval/10, patience, true, func(ctx context.Context) (bool, error) {
		_, err := objects.Create(ctx, domain(fmt.Sprintf("filler-%d", stored), value), metav1.CreateOptions{})
		// The write that meets the quota is refused and stored nevertheless: that is etcd's way.
		if err == nil || apierrors.IsAlreadyExists(err) {
			stored++
			return false, nil
		}
		refused = err
		// What history there is is given back first; then the objects themselves fill it.
		return strings.Contains(s.readLog(), "restart with a larger --embedded-etcd-quota-bytes"), nil
	}))
	var status apierrors.APIStatus
	require.ErrorAs(t, refused, &status)
	assert.EqualValues(t, http.StatusInsufficientStorage, status.Status().Code, "%v", refused)
	assert.Contains(t, status.Status().Message, "full")
	list, err := objects.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err, "reads go on")
	assert.GreaterOrEqual(t, len(list.Items), stored)
	code, body := s.probe("/readyz")
	assert.Equal(t, http.StatusOK, code, body)
	require.NoError(t, wait.PollUntilContextTimeout(t.Context(), pollInterval, patience, true, func(context.Context) (bool, error) {
		return strings.Contains(s.metrics(), "federation_etcd_space_exceeded 1"), nil
	}))
	s.terminate()

	s = start(t, dataDir, "--embedded-etcd-quota-bytes=67108864")
	objects = s.client().Resource(domains).Namespace("default")
	var last error
	err = wait.PollUntilContextTimeout(t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		_, last = objects.Create(ctx, domain("after", "x"), metav1.CreateOptions{})
		return last == nil, nil
	})
	require.NoError(t, errors.Join(err, last))
	after, err := objects.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, after.Items, len(list.Items)+1)
}
