package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

func TestDataSurvivesARestart(t *testing.T) {
	dataDir := t.TempDir()
	first := start(t, dataDir)
	objects := first.enable()
	before := first.create(objects, "kept", "value")
	first.terminate()

	second := start(t, dataDir)
	// Ready means that no kind is missing: the first request is answered.
	after, err := second.client().Resource(federatedConfigMaps).Namespace("default").Get(t.Context(), "kept", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, asked(before), asked(after))
	second.kill()

	third := start(t, dataDir)
	after, err = third.client().Resource(federatedConfigMaps).Namespace("default").Get(t.Context(), "kept", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, before.GetUID(), after.GetUID())
	config, err := third.client().Resource(typeConfigs).Namespace(env.SystemNamespace).Get(t.Context(), "configmaps", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "configmaps", config.GetName())
}

// asked is an object without what the server adds to it by and by.
func asked(object *unstructured.Unstructured) *unstructured.Unstructured {
	object = object.DeepCopy()
	unstructured.RemoveNestedField(object.Object, "status")
	object.SetResourceVersion("")
	object.SetManagedFields(nil)
	return object
}

func TestDataDirectoryIsForOneProcess(t *testing.T) {
	dataDir := filepath.Join(t.TempDir(), "data")
	first := start(t, dataDir)
	info, err := os.Stat(dataDir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	second := launch(t, dataDir)
	<-second.ended
	require.Error(t, second.err)
	assert.Contains(t, second.readLog(), "another process uses this data directory")
	assert.Contains(t, second.readLog(), dataDir)
	code, _ := first.probe("/readyz")
	assert.Equal(t, 200, code, "the first one is not disturbed")
}
