package federatedtypes

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/kube-openapi/pkg/validation/spec"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/template"
)

// thingSchema is that of a target with a field of each sort.
const thingSchema = `{"type":"object","properties":{"apiVersion":{"type":"string"},"kind":{"type":"string"},"metadata":{"type":"object"},
	"spec":{"type":"object","properties":{"replicas":{"type":"integer"},"names":{"type":"array","items":{"type":"string"}}}}}}`

// FuzzCodec sends any bytes the way of a request and of etcd: what is decoded is
// encoded and decoded again without loss, as JSON and as YAML, and strict decoding
// only ever adds errors about fields.
func FuzzCodec(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"types.kubefed.io/v1beta1","kind":"FederatedThing","metadata":{"name":"a"},"spec":{"template":{"spec":{"replicas":1}}}}`,
		`{"apiVersion":"types.kubefed.io/v1beta1","kind":"FederatedThing","spec":{"template":{"a":9007199254740993,"b":1.50,"c":1e3,"d":null,"a":2},"placement":{"clusters":[]}}}`,
		`{"apiVersion":"types.kubefed.io/v1beta1","kind":"FederatedThing","spec":{"template":null,"overrides":[{"clusterName":"c","clusterOverrides":[{"path":"/a","value":null},{"path":"/b"}]}]},"status":{"clusters":[{"name":"c","remoteStatus":{"x":[]}}]}}`,
		`{"apiVersion":"types.kubefed.io/v1beta1","kind":"FederatedThing","spec":{"template":[],"placement":{"clusterSelector":{}}}}`,
		"apiVersion: types.kubefed.io/v1beta1\nkind: FederatedThing\nspec: {template: {a: &x [1], b: *x, c: 0x1F, d: 1_000, e: yes}}",
		`{"apiVersion":"types.kubefed.io/v1beta1","kind":"FederatedThing","spec":{"template":{"a":"\ud800\u2028<>&","":{"":""}}}}`,
	} {
		f.Add([]byte(seed))
	}
	const kind = "FederatedThing"
	var schema spec.Schema
	require.NoError(f, json.Unmarshal([]byte(thingSchema), &schema))
	templates, err := template.Compile(&schema, nil)
	require.NoError(f, err)
	codecs := serializer.NewCodecFactory(newScheme(kind))
	negotiated := newNegotiatedSerializer(codecs, templates)
	gvk := typesv1beta1.SchemeGroupVersion.WithKind(kind)
	stored := storageCodec{Codec: codecs.LegacyCodec(gvk.GroupVersion()), kind: gvk}

	f.Fuzz(func(t *testing.T, data []byte) {
		for _, media := range negotiated.SupportedMediaTypes() {
			decoded, _, err := codecs.DecoderToVersion(media.Serializer, gvk.GroupVersion()).Decode(data, &gvk, nil)
			_, _, strictErr := codecs.DecoderToVersion(media.StrictSerializer, gvk.GroupVersion()).Decode(data, &gvk, nil)
			if err != nil {
				require.Error(t, strictErr)
				continue
			}
			if strictErr != nil {
				require.True(t, runtime.IsStrictDecodingError(strictErr), "%v", strictErr)
			}
			object, ok := decoded.(*typesv1beta1.FederatedObject)
			if !ok {
				continue
			}
			scaled, err := scaleOf(object)
			require.True(t, err != nil || scaled != nil)
			requireEncodes(t, object, codecs.EncoderForVersion(media.Serializer, gvk.GroupVersion()), codecs.DecoderToVersion(media.Serializer, gvk.GroupVersion()))
			requireEncodes(t, object, stored, stored)
		}
	})
}

// requireEncodes checks that an object comes back from its encoded form, and that
// this is the same every time.
func requireEncodes(t *testing.T, object *typesv1beta1.FederatedObject, encoder runtime.Encoder, decoder runtime.Decoder) {
	t.Helper()
	before := object.DeepCopy()
	var first, second bytes.Buffer
	require.NoError(t, encoder.Encode(object, &first))
	require.Equal(t, before, object, "encoding changes nothing")
	again, _, err := decoder.Decode(first.Bytes(), nil, nil)
	require.NoError(t, err, first.String())
	require.NoError(t, encoder.Encode(again, &second))
	require.Equal(t, first.String(), second.String())
	require.True(t, sameSpec(&object.Spec, &again.(*typesv1beta1.FederatedObject).Spec), first.String())
}
