package federatedtypes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// templatePath is where the template is in a federated object.
const templatePath = "spec.template"

// decodeTemplate returns the template as a map with integers kept; an absent
// template is an empty map.
func decodeTemplate(template runtime.RawExtension) (map[string]any, error) {
	content := map[string]any{}
	if len(template.Raw) == 0 {
		return content, nil
	}
	if err := utiljson.Unmarshal(template.Raw, &content); err != nil {
		return nil, fmt.Errorf("%s: must be an object: %w", templatePath, err)
	}
	return content, nil
}

// encodeTemplate is the way back. What came out of JSON goes into JSON.
func encodeTemplate(content map[string]any) runtime.RawExtension {
	raw, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("encode a decoded template: %v", err))
	}
	return runtime.RawExtension{Raw: raw}
}

// sameTemplate reports whether two templates say the same, in whatever order
// and with whatever space.
func sameTemplate(a, b runtime.RawExtension) bool {
	return sameJSON(a.Raw, b.Raw)
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	var x, y any
	if utiljson.Unmarshal(a, &x) != nil || utiljson.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// sameSpec reports whether two specs say the same. An absent list and an empty
// one differ: an empty list of clusters selects none.
func sameSpec(a, b *typesv1beta1.FederatedObjectSpec) bool {
	return (a.Placement.Clusters == nil) == (b.Placement.Clusters == nil) && specEquality.DeepEqual(a, b)
}

var specEquality = conversion.EqualitiesOrDie(
	func(a, b runtime.RawExtension) bool { return sameJSON(a.Raw, b.Raw) },
	func(a, b typesv1beta1.JSON) bool { return sameJSON(a.Raw, b.Raw) },
)
