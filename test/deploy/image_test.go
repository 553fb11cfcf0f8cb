package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Both images run their binary as the user of the pods, and hold nothing else. What is in the binaries is checked by
// make static.
func TestTheImagesFitThePods(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	require.NoError(t, err)
	stages := regexp.MustCompile(`(?m)^FROM `).Split(string(text), -1)
	require.Len(t, stages, 4, "a build and two images")
	for i, program := range []string{"kubectl-fed", serverName} {
		stage := stages[2+i]
		assert.Regexp(t, `^gcr\.io/distroless/static-debian\d+:nonroot AS `+program+`\n`, stage)
		assert.Contains(t, stage, "COPY --from=build /out/"+program+" /usr/local/bin/"+program+"\n")
		assert.Contains(t, stage, "USER 65532:65532\n")
		assert.Contains(t, stage, `ENTRYPOINT ["/usr/local/bin/`+program+`"]`)
		assert.NotContains(t, stage, "RUN")
	}
	server := workload(t, kustomize(t, deployPath("overlays", "embedded-etcd")))
	for _, field := range []string{"runAsUser", "runAsGroup"} {
		id, found, err := unstructured.NestedFieldNoCopy(server.Object, "spec", "template", "spec", "securityContext", field)
		require.NoError(t, err)
		require.True(t, found)
		assert.EqualValues(t, 65532, id)
	}
	assert.NotContains(t, container(t, server), "command", "the image's own")
}

// One release has one version everywhere.
func TestTheVersionIsTheSameEverywhere(t *testing.T) {
	image := container(t, workload(t, kustomize(t, deployPath("overlays", "embedded-etcd"))))["image"]
	for _, chart := range []string{"federation-apiserver", "federation-config"} {
		text, err := os.ReadFile(deployPath("charts", chart, "Chart.yaml"))
		require.NoError(t, err)
		version := regexp.MustCompile(`(?m)^version: (.*)$`).FindSubmatch(text)
		application := regexp.MustCompile(`(?m)^appVersion: v(.*)$`).FindSubmatch(text)
		require.NotNil(t, version)
		require.NotNil(t, application)
		assert.Equal(t, string(version[1]), string(application[1]), chart)
		assert.Equal(t, "kubefederation/federation-apiserver:v"+string(version[1]), image)
	}
}
