package propagation

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// operation is what was done to a copy, in the words of KubeFed's events.
type operation string

const (
	opCreate   operation = "Create"
	opUpdate   operation = "Update"
	opDelete   operation = "Delete"
	opUnmanage operation = "RemoveManagedLabelFrom"
)

// result is what is known of the copy in one cluster.
type result struct {
	// generation of the federated object that the result is about.
	generation int64
	// status and message for status.clusters.
	status  typesv1beta1.PropagationStatus
	message string
	// version and fingerprint of the copy; empty to keep what is recorded.
	version, fingerprint string
	// gone says that there is no copy of ours, by positive evidence.
	gone bool
	// operation that a request carried out or tried, if any.
	operation operation
	// copy is how the copy fares.
	copy observation
}

// refused begins the message of a status that no further try will change.
const refused = "refused: "

// failure makes the result of a request that failed.
func failure(op operation, err error) result {
	failed := map[operation][2]typesv1beta1.PropagationStatus{
		opCreate:   {typesv1beta1.CreationFailed, typesv1beta1.CreationTimedOut},
		opUpdate:   {typesv1beta1.UpdateFailed, typesv1beta1.UpdateTimedOut},
		opDelete:   {typesv1beta1.DeletionFailed, typesv1beta1.DeletionTimedOut},
		opUnmanage: {typesv1beta1.LabelRemovalFailed, typesv1beta1.LabelRemovalTimedOut},
	}[op]
	r := result{status: failed[0], operation: op}
	var (
		timeout      *members.TimeoutError
		notReady     *members.NotReadyError
		notAvailable *members.NotAvailableError
		held         *members.HeldError
	)
	switch {
	case errors.As(err, &held):
		r.status, r.message = heldStatus(held), held.Message
	case errors.As(err, &notReady):
		r.message = "the cluster is not ready"
		if op == opCreate || op == opUpdate {
			r.status = typesv1beta1.ClusterNotReady
		} else {
			r.status = typesv1beta1.WaitingForRemoval
		}
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		r.status, r.message = failed[1], "the cluster did not answer in time"
	case errors.As(err, &notAvailable) && (op == opCreate || op == opUpdate):
		r.status = typesv1beta1.TypeNotAvailable
		r.message = fmt.Sprintf("the cluster does not serve %s in %s", notAvailable.Resource.GroupResource(), notAvailable.Resource.Version)
	case isRefusal(err):
		r.message = refused + stableMessage(err)
	default:
		r.message = stableMessage(err)
	}
	return r
}

// isRefusal says that the same request would fail again.
func isRefusal(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) ||
		apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsMethodNotSupported(err)
}

// isMissingNamespace says that an object could not be made for want of its
// namespace.
func isMissingNamespace(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == "namespaces" && details.Group == ""
}

// localEnd is the local end of a connection in a network error: its port is
// another one each time.
var localEnd = regexp.MustCompile(`(\[[0-9A-Fa-f:.%a-z]*\]|[0-9.]+):[0-9]+->`)

// memberPrefix is in errors of package members; the entry of a cluster says so
// without it.
var memberPrefix = regexp.MustCompile(`^member [^ :]+: `)

// stableMessage is the message of an error without what differs from one try to
// the next: a status that says the same must not be written again.
func stableMessage(err error) string {
	if err == nil {
		return ""
	}
	return localEnd.ReplaceAllString(memberPrefix.ReplaceAllString(err.Error(), ""), "")
}

// truncate shortens a message to at most size bytes, not within a character.
func truncate(message string, size int) string {
	const ellipsis = "..."
	if len(message) <= size {
		return message
	}
	cut := size - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + ellipsis
}
