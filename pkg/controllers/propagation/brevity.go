package propagation

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// brevity says how much is left out of a status that the storage has refused for
// the size of the object. What a copy was written as, and where, never is.
type brevity int

const (
	// withoutRemoteStatus has a note in place of every remoteStatus.
	withoutRemoteStatus brevity = iota + 1
	// withShortMessages cuts messages too.
	withShortMessages
	// withoutMessages has none for clusters.
	withoutMessages
)

// omittedStatus is in place of a remoteStatus that does not fit.
const omittedStatus = `{"kubefed.io/omitted":"with the status of its copies the object would be too large to store"}`

// isTooLarge recognises the limit of the storage, and that of the validation that
// comes before it.
func isTooLarge(err error) bool {
	return apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsInvalid(err) && apierrors.HasStatusCause(err, metav1.CauseType(field.ErrorTypeTooLong))
}

// shorten makes a status as short as it has to be.
func (b brevity) shorten(status *typesv1beta1.FederatedObjectStatus) {
	for i := range status.Clusters {
		entry := &status.Clusters[i]
		if b >= withoutRemoteStatus && entry.RemoteStatus != nil {
			entry.RemoteStatus = &runtime.RawExtension{Raw: []byte(omittedStatus)}
		}
		switch {
		case b >= withoutMessages:
			entry.Message = ""
		case b >= withShortMessages:
			entry.Message = truncate(entry.Message, leastMessage)
		}
	}
	for i := range status.Conditions {
		if b >= withShortMessages {
			status.Conditions[i].Message = truncate(status.Conditions[i].Message, 2*leastMessage)
		}
	}
}

// size identifies what was too large.
type size struct {
	uid        types.UID
	generation int64
}

func sizeOf(obj *typesv1beta1.FederatedObject) size {
	return size{uid: obj.UID, generation: obj.Generation}
}

// brevityOf returns how short the status of obj has to be.
func (k *kind) brevityOf(obj *typesv1beta1.FederatedObject) brevity {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.brief[sizeOf(obj)]
}

// briefer has the status of obj made shorter; false means that it cannot be.
func (k *kind) briefer(obj *typesv1beta1.FederatedObject) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.brief[sizeOf(obj)] >= withoutMessages {
		return false
	}
	k.brief[sizeOf(obj)]++
	return true
}

// forgetSize drops what is known of an object as it was.
func (k *kind) forgetSize(obj *typesv1beta1.FederatedObject) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.brief, sizeOf(obj))
}
