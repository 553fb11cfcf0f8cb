package overrides_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// benchTemplate is a Deployment of about 3 KiB.
func benchTemplate() string {
	var env []string
	for i := range 40 {
		env = append(env, fmt.Sprintf(`{"name":"VARIABLE_%d","value":"the value of variable number %d"}`, i, i))
	}
	return `{"metadata":{"labels":{"app":"web","tier":"front"},"annotations":{"note":"bench"}},"spec":{"replicas":3,
		"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web","tier":"front"}},
		"spec":{"containers":[{"name":"web","image":"nginx:1.27","ports":[{"containerPort":80}],
		"resources":{"requests":{"cpu":"10m","memory":"16Mi"}},"env":[` + strings.Join(env, ",") + `]}]}}}}`
}

const benchOverrides = `[{"path":"/spec/replicas","value":5},{"path":"/spec/template/spec/containers/0/image","value":"nginx:1.28"},
	{"op":"add","path":"/metadata/annotations/region","value":"eu"}]`

func BenchmarkRender(b *testing.B) {
	plain := federated(b, `{"template":`+benchTemplate()+`}`)
	overridden := withOverrides(b, benchTemplate(), benchOverrides)
	b.Run("one cluster", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := overrides.Render(plain, deployment, overrides.Cluster{Name: "c1"}, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("one cluster with overrides", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := overrides.Render(overridden, deployment, overrides.Cluster{Name: "c1"}, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("another cluster of a renderer", func(b *testing.B) {
		renderer, err := overrides.NewRenderer(plain, deployment)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := renderer.Render(overrides.Cluster{Name: "c1"}, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("another cluster of a renderer with overrides", func(b *testing.B) {
		renderer, err := overrides.NewRenderer(overridden, deployment)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := renderer.Render(overrides.Cluster{Name: "c1"}, true); err != nil {
				b.Fatal(err)
			}
		}
	})
}
