package federatedtypes

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authentication/user"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// lastChange is the record of a change that makes generation: who the request of
// ctx is from. What this process does by itself is done for the author before, so
// that record stays.
func lastChange(ctx context.Context, before *typesv1beta1.LastChange, generation int64) *typesv1beta1.LastChange {
	author, ok := genericapirequest.UserFrom(ctx)
	if !ok || isThisServer(author) || isOnTrial(ctx) {
		return before
	}
	return &typesv1beta1.LastChange{
		User:       author.GetName(),
		UID:        author.GetUID(),
		AuditID:    audit.GetAuditIDTruncated(ctx),
		Time:       metav1.NewTime(time.Now()).Rfc3339Copy(),
		Generation: generation,
	}
}

// isThisServer recognises the identity of the loopback client. The name alone does
// not do: whoever may impersonate users may take it.
func isThisServer(author user.Info) bool {
	return author.GetName() == user.APIServerUser && slices.Contains(author.GetGroups(), user.SystemPrivilegedGroup)
}
