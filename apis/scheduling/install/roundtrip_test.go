package install_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/kubefederation/federation-apiserver/apis/scheduling/install"
)

// Every field that a version has must come back from the internal type and from
// JSON, and the other way round.
func TestRoundTrip(t *testing.T) {
	roundtrip.RoundTripTestForAPIGroup(t, install.Install, func(serializer.CodecFactory) []any { return nil })
}
