package install_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/install"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Every field that a version has must come back from the internal type and from
// JSON, and the other way round.
func TestRoundTrip(t *testing.T) {
	roundtrip.RoundTripTestForAPIGroup(t, install.Install, fuzzerFuncs)
}

// fuzzerFuncs fill in what decoding would default: a default that is only
// filled in on the way back is no loss, but looks like one.
func fuzzerFuncs(serializer.CodecFactory) []any {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	defaulted := func(internal, versioned runtime.Object) {
		for _, step := range []func() error{
			func() error { return scheme.Convert(internal, versioned, nil) },
			func() error { scheme.Default(versioned); return nil },
			func() error { return scheme.Convert(versioned, internal, nil) },
		} {
			if err := step(); err != nil {
				panic(err)
			}
		}
	}
	return []any{
		func(config *core.KubeFedConfig, c randfill.Continue) {
			c.FillNoCustom(config)
			defaulted(config, &v1beta1.KubeFedConfig{})
		},
		func(config *core.FederatedTypeConfig, c randfill.Continue) {
			c.FillNoCustom(config)
			defaulted(config, &v1beta1.FederatedTypeConfig{})
		},
		func(config *v1beta1.KubeFedConfig, c randfill.Continue) {
			c.FillNoCustom(config)
			scheme.Default(config)
		},
		func(config *v1beta1.FederatedTypeConfig, c randfill.Continue) {
			c.FillNoCustom(config)
			scheme.Default(config)
		},
	}
}
