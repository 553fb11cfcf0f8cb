package members

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func entry(manager string, operation metav1.ManagedFieldsOperationType, subresource, fields string) metav1.ManagedFieldsEntry {
	e := metav1.ManagedFieldsEntry{
		Manager: manager, Operation: operation, Subresource: subresource, APIVersion: "apps/v1",
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{},
	}
	e.FieldsV1.SetRawBytes([]byte(fields))
	return e
}

func TestOwnedHashIsOfWhatWeApplied(t *testing.T) {
	ours := entry(typesv1beta1.FieldManager, metav1.ManagedFieldsOperationApply, "", `{"f:spec":{"f:replicas":{}}}`)
	hash := ownedHash([]metav1.ManagedFieldsEntry{ours})
	require.NotEmpty(t, hash)
	require.LessOrEqual(t, len(hash), 16)

	now := metav1.Now()
	theirs := entry("kubectl", metav1.ManagedFieldsOperationUpdate, "", `{"f:spec":{"f:paused":{}}}`)
	theirs.Time = &now
	require.Equal(t, hash, ownedHash([]metav1.ManagedFieldsEntry{theirs, ours}), "others' entries do not count")
	later := *ours.DeepCopy()
	later.Time = &now
	require.NotEqual(t, hash, ownedHash([]metav1.ManagedFieldsEntry{later}), "what we applied at another time may be something else")

	fewer := entry(typesv1beta1.FieldManager, metav1.ManagedFieldsOperationApply, "", `{"f:spec":{}}`)
	require.NotEqual(t, hash, ownedHash([]metav1.ManagedFieldsEntry{fewer}))
	version := *ours.DeepCopy()
	version.APIVersion = "apps/v1beta1"
	require.NotEqual(t, hash, ownedHash([]metav1.ManagedFieldsEntry{version}))

	for _, other := range []metav1.ManagedFieldsEntry{
		entry("kubectl", metav1.ManagedFieldsOperationApply, "", `{}`),
		entry(typesv1beta1.FieldManager, metav1.ManagedFieldsOperationUpdate, "", `{}`),
		entry(typesv1beta1.FieldManager, metav1.ManagedFieldsOperationApply, "scale", `{}`),
	} {
		require.Empty(t, ownedHash([]metav1.ManagedFieldsEntry{other}))
	}
}

func TestOwnedHashDoesNotDependOnTheEncoding(t *testing.T) {
	plain := entry(typesv1beta1.FieldManager, metav1.ManagedFieldsOperationApply, "", `{"f:spec":{"k:{\"name\":\"a<b>&c\"}":{}}}`)
	applied := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)))
	plain.Time = &applied
	// As in a JSON answer, which escapes for HTML.
	text, err := json.Marshal([]metav1.ManagedFieldsEntry{plain})
	require.NoError(t, err)
	require.Contains(t, string(text), `\u003c`)
	var decoded []metav1.ManagedFieldsEntry
	require.NoError(t, json.Unmarshal(text, &decoded))
	require.Equal(t, ownedHash([]metav1.ManagedFieldsEntry{plain}), ownedHash(decoded))
}
