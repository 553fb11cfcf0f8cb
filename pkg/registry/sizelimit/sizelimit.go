// Package sizelimit says to users what etcd says about an object that is too
// large.
package sizelimit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Explain makes an answer with sizes, 413, of etcd's error about an object that is
// larger than maxBytes; other errors stay. obj may be nil if it is not known.
func Explain(err error, obj any, maxBytes int) error {
	if !isTooLarge(err) {
		return err
	}
	size := "it"
	if raw, encodeErr := json.Marshal(obj); obj != nil && encodeErr == nil {
		size = fmt.Sprintf("with %d bytes of JSON it", len(raw))
	}
	return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("the object cannot be stored: %s exceeds the limit of %d bytes", size, maxBytes))
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
