// Package sizelimit says to users what etcd says about an object that is too
// large, and about a store that is full.
package sizelimit

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Explain makes an answer with sizes, 413, of etcd's error about an object that is
// larger than maxBytes, and 507 of that about a store that is full; other errors
// stay. obj may be nil if it is not known.
func Explain(err error, obj any, maxBytes int) error {
	if isFull(err) {
		return full
	}
	if !isTooLarge(err) {
		return err
	}
	size := "it"
	if raw, encodeErr := json.Marshal(obj); obj != nil && encodeErr == nil {
		size = fmt.Sprintf("with %d bytes of JSON it", len(raw))
	}
	return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("the object cannot be stored: %s exceeds the limit of %d bytes", size, maxBytes))
}

// insufficientStorage is the reason of an answer with the code 507, for which the
// library has none.
const insufficientStorage metav1.StatusReason = "InsufficientStorage"

// full is not to be repeated at once: the store is not emptied that fast.
var full = &apierrors.StatusError{ErrStatus: metav1.Status{
	Status: metav1.StatusFailure, Code: http.StatusInsufficientStorage, Reason: insufficientStorage,
	Message: "the store of the federation is full and takes no writes; reads go on. " +
		"Its administrator has to make room, or to give it a larger quota",
}}

func isFull(err error) bool {
	var etcd interface {
		error
		Code() codes.Code
	}
	if errors.As(err, &etcd) {
		return etcd.Code() == codes.ResourceExhausted && strings.Contains(etcd.Error(), "database space exceeded")
	}
	status, ok := grpcstatus.FromError(err)
	return ok && status.Code() == codes.ResourceExhausted && strings.Contains(status.Message(), "database space exceeded")
}

// isTooLarge recognises the limit of etcd for requests and that of its client for
// messages, which is hit first by much larger objects.
func isTooLarge(err error) bool {
	if err == nil {
		return false
	}
	var etcd interface {
		error
		Code() codes.Code
	}
	if errors.As(err, &etcd) {
		return etcd.Code() == codes.InvalidArgument && strings.Contains(etcd.Error(), "request is too large")
	}
	status, ok := grpcstatus.FromError(err)
	if !ok {
		return false
	}
	switch status.Code() {
	case codes.ResourceExhausted:
		return strings.Contains(status.Message(), "message larger than max")
	case codes.InvalidArgument:
		return strings.Contains(status.Message(), "request is too large")
	}
	return false
}
