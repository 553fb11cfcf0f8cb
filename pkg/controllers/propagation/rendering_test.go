package propagation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// With a thousand members, what is rendered for each of them anew costs more than
// all the rest.
func TestAnObjectIsRenderedOnceForAllMembers(t *testing.T) {
	obj := &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "o", UID: "u", Generation: 1}}
	obj.Spec.Template = runtime.RawExtension{Raw: []byte(`{"data":{"a":"b"}}`)}
	k := &kind{name: "configmaps", resource: simConfigMaps, namespaced: true}
	k.target.Version, k.target.Kind = "v1", "ConfigMap"
	key := objectKey{kind: "configmaps", NamespacedName: types.NamespacedName{Namespace: "n", Name: "o"}}
	p := &pass{c: &Controller{ledger: newLedger()}, k: k, key: key, obj: obj}

	made, err := p.renderer()
	require.NoError(t, err)
	again, err := p.renderer()
	require.NoError(t, err)
	require.Same(t, made, again, "one for the whole pass, though nothing is known of the object yet")

	require.True(t, p.c.ledger.request(key, obj, "one", time.Now()))
	p.shareRendering()
	inMember, err := p.c.ledger.render(key, obj, k.identity(obj))
	require.NoError(t, err)
	require.Same(t, made, inMember, "the members use it too")

	next := obj.DeepCopy()
	next.Generation = 2
	other, err := p.c.ledger.render(key, next, k.identity(next))
	require.NoError(t, err)
	require.NotSame(t, made, other)
}
