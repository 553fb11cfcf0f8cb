package members

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Errors of requests to members are one of these types (errors.As), or an API
// status error of the member (k8s.io/apimachinery/pkg/api/errors works on them),
// or, after a refused connection and the like, a transport error: the request
// did not take effect. A context error is the caller's own.

// NotReadyError means that no request was sent: the member is not ready, is known
// to be unreachable, or has no usable configuration.
type NotReadyError struct {
	Member string
	// RetryAfter is when another try is worth it; 0 when only a change of the
	// member's readiness helps, which the Set reports as an event.
	RetryAfter time.Duration
	// Err says why.
	Err error
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("member %s is not ready: %v", e.Member, e.Err)
}

// Unwrap returns the reason.
func (e *NotReadyError) Unwrap() error { return e.Err }

// NotAvailableError means that the member does not serve the resource.
type NotAvailableError struct {
	Member   string
	Resource schema.GroupVersionResource
	Err      error
}

func (e *NotAvailableError) Error() string {
	return fmt.Sprintf("member %s does not serve %s", e.Member, e.Resource.GroupResource().WithVersion(e.Resource.Version))
}

// Unwrap returns the member's answer.
func (e *NotAvailableError) Unwrap() error { return e.Err }

// TimeoutError means that the member did not answer in time: the request may
// have taken effect.
type TimeoutError struct {
	Member string
	Err    error
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("member %s did not answer in time: %v", e.Member, e.Err)
}

// Unwrap returns the underlying error.
func (e *TimeoutError) Unwrap() error { return e.Err }

// NotOursError means that the object in the member is another one than the one
// that the request was about: its UID differs.
type NotOursError struct {
	Member string
	Key    types.NamespacedName
	UID    types.UID
	Err    error
}

func (e *NotOursError) Error() string {
	return fmt.Sprintf("member %s: %s is not the object with UID %s", e.Member, e.Key, e.UID)
}

// Unwrap returns the member's answer.
func (e *NotOursError) Unwrap() error { return e.Err }

// RedirectError means that the member answered with a redirect, which is never
// followed: it would send the member's token elsewhere.
type RedirectError struct {
	Location string
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("the server redirects to %q, which is not followed", e.Location)
}

// MissingRightError means that the member refused a request because the federation
// has no right there to make it.
type MissingRightError struct {
	Member string
	Err    error
}

func (e *MissingRightError) Error() string {
	return fmt.Sprintf("member %s: %v; the federation gets the rights for all enabled types by: kubectl fed join %s", e.Member, e.Err, e.Member)
}

// Unwrap returns the member's answer.
func (e *MissingRightError) Unwrap() error { return e.Err }

// refusal is how Kubernetes words that somebody lacks a right. Admission, which
// says no to what is written, has the same status code and other words.
var refusal = regexp.MustCompile(`User "[^"]*" cannot [a-z]+ (resource|path) `)

// lacksRight says whether a request was refused for want of a right: to make it, or
// to give away rights that the federation does not have itself.
func lacksRight(err error) bool {
	return apierrors.IsForbidden(err) &&
		(refusal.MatchString(err.Error()) || strings.Contains(err.Error(), "is attempting to grant RBAC permissions not currently held"))
}
