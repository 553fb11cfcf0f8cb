package federatedtypes

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"
	"sigs.k8s.io/randfill"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// fillers make values that JSON can have, of types that are more than their fields.
var fillers = []any{
	func(raw *runtime.RawExtension, c randfill.Continue) {
		raw.Raw = []byte(`{"a":"<&>` + string(rune('a'+c.Intn(26))) + `","b":[1,2.50,null]}`)
	},
	func(value *typesv1beta1.JSON, c randfill.Continue) {
		value.Raw = []byte([]string{`null`, `1.50`, `"x"`, `{"y":[]}`}[c.Intn(4)])
	},
	func(time *metav1.Time, c randfill.Continue) { *time = metav1.Unix(c.Int63n(1<<33)-1<<32, 0) },
	func(fields *metav1.FieldsV1, _ randfill.Continue) { fields.SetRawString(`{"f:spec":{}}`) },
}

// TestEveryFieldIsStored fills all fields that there are, also those that this
// format does not know, and any number of them.
func TestEveryFieldIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		missing := rapid.SampledFrom([]float64{0, 0.5, 0.9}).Draw(t, "missing")
		filler := randfill.NewWithSeed(rapid.Int64().Draw(t, "seed")).NilChance(missing).NumElements(1, 3).Funcs(fillers...)
		var obj typesv1beta1.FederatedObject
		filler.Fill(&obj)
		obj.TypeMeta = metav1.TypeMeta{}
		requireStored(t, &obj)
	})
}

// TestPartsAreStored fills one part of an object at a time.
func TestPartsAreStored(t *testing.T) {
	filler := randfill.NewWithSeed(1).NilChance(0).NumElements(1, 1).Funcs(fillers...)
	for _, part := range []func(*typesv1beta1.FederatedObject) any{
		func(o *typesv1beta1.FederatedObject) any { return &o.ObjectMeta },
		func(o *typesv1beta1.FederatedObject) any { return &o.Spec },
		func(o *typesv1beta1.FederatedObject) any { return &o.Status },
	} {
		var whole typesv1beta1.FederatedObject
		fields := reflect.TypeOf(part(&whole)).Elem().NumField()
		for i := range fields {
			var obj typesv1beta1.FederatedObject
			filler.Fill(reflect.ValueOf(part(&obj)).Elem().Field(i).Addr().Interface())
			requireStored(t, &obj)
		}
	}
}

// requireStored checks that an object comes back as JSON would have it.
func requireStored(t require.TestingT, obj *typesv1beta1.FederatedObject) {
	before := obj.DeepCopy()
	data, err := encodeStored(obj)
	require.NoError(t, err)
	require.Equal(t, before, obj, "encoding changes nothing")

	var again typesv1beta1.FederatedObject
	again.Name = "what was there before"
	require.NoError(t, decodeStored(data, &again))
	want, err := json.Marshal(obj)
	require.NoError(t, err)
	have, err := json.Marshal(&again)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(have))

	second, err := encodeStored(&again)
	require.NoError(t, err)
	require.Equal(t, data, second, "an object that does not change is stored with the same bytes")

	var fromJSON typesv1beta1.FederatedObject
	require.NoError(t, decodeStored(want, &fromJSON), "what was stored as JSON is read")
	third, err := encodeStored(&fromJSON)
	require.NoError(t, err)
	var asJSON typesv1beta1.FederatedObject
	require.NoError(t, decodeStored(third, &asJSON))
	have, err = json.Marshal(&asJSON)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(have))
}

// TestDamagedStorage checks that what is cut off or changed is an error or another
// object, never a panic.
func TestDamagedStorage(t *testing.T) {
	filler := randfill.NewWithSeed(2).NilChance(0).NumElements(1, 2).Funcs(fillers...)
	var obj typesv1beta1.FederatedObject
	filler.Fill(&obj)
	data, err := encodeStored(&obj)
	require.NoError(t, err)
	require.Error(t, decodeStored(data[:len(data)-1], &typesv1beta1.FederatedObject{}))
	rapid.Check(t, func(t *rapid.T) {
		damaged := append([]byte(nil), data[:rapid.IntRange(0, len(data)).Draw(t, "length")]...)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			if len(damaged) > 0 {
				damaged[rapid.IntRange(0, len(damaged)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			}
		}
		_ = decodeStored(damaged, &typesv1beta1.FederatedObject{})
	})
}
