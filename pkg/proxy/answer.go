package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// badGateway is the reason of an answer with the code 502, for which the library
// has none.
const badGateway metav1.StatusReason = "BadGateway"

// reachable spares a request to a member that is known not to answer. One that
// answers and is not well can be looked at.
func reachable(cluster *v1beta1.KubeFedCluster) error {
	for _, condition := range cluster.Status.Conditions {
		if condition.Type == v1beta1.ClusterOffline && condition.Status == corev1.ConditionTrue {
			message := "it does not answer its health check"
			if condition.Message != nil {
				message = *condition.Message
			}
			// Without a time to try again, so that clients tell their users at once.
			return apierrors.NewServiceUnavailable(fmt.Sprintf("cluster %s is offline: %s", cluster.Name, message))
		}
	}
	return nil
}

var (
	errCredentials  = errors.New("it does not accept the federation's own credentials; see the conditions of the KubeFedCluster, and join it again if they do not help")
	errNotUpgraded  = errors.New("it was asked to switch to another protocol and did not")
	errNotPermitted = errors.New("not permitted to act as you")
)

// maxRefusal bounds how much is read of a refusal to find out what it refuses.
const maxRefusal = 64 << 10

// examine looks at what the member answers before the user sees it.
func (h *handler) examine(response *http.Response) error {
	for key := range response.Header {
		switch name := strings.ToLower(key); {
		// This server and the host have their own.
		case name == "audit-id", strings.HasPrefix(name, "x-kubernetes-pf-"),
			// A member must not speak to browsers in the host's name.
			strings.HasPrefix(name, "access-control-"), name == "set-cookie", name == "strict-transport-security",
			name == "alt-svc", name == "clear-site-data", name == "www-authenticate":
			delete(response.Header, key)
		}
	}
	if response.Request.Header.Get("Upgrade") != "" && response.StatusCode != http.StatusSwitchingProtocols {
		if response.StatusCode < http.StatusBadRequest {
			return errNotUpgraded
		}
		response.Header.Set("Connection", "close")
	}
	switch response.StatusCode {
	case http.StatusUnauthorized:
		return errCredentials
	case http.StatusForbidden:
		return refusesImpersonation(response)
	}
	return nil
}

// refusesImpersonation tells a refusal to act as the user from a refusal of what
// he wants to do, which is the user's to see.
func refusesImpersonation(response *http.Response) error {
	head, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		return fmt.Errorf("reading its answer: %w", err)
	}
	// The text is in both encodings of a Status. A verb follows it: impersonate, or one
	// of those by which Kubernetes 1.36 and later bound it.
	if bytes.Contains(head, []byte(" cannot impersonate")) {
		return errNotPermitted
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), response.Body), response.Body}
	return nil
}

// statusOf turns an error on the way to a member into what the user gets.
func statusOf(cluster string, err error) error {
	var status apierrors.APIStatus
	var notReady *members.NotReadyError
	var timeout *members.TimeoutError
	switch {
	case errors.As(err, &status):
		return err
	case errors.Is(err, errNotPermitted):
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
			Message: fmt.Sprintf("cluster %s does not let the federation act as its users, which its administrator can allow: kubectl fed join %s --allow-proxy", cluster, cluster),
		}}
	case errors.Is(err, errCredentials):
		return apierrors.NewServiceUnavailable(fmt.Sprintf("cluster %s: %v", cluster, err))
	case errors.As(err, &notReady):
		return apierrors.NewServiceUnavailable(err.Error())
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusGatewayTimeout, Reason: metav1.StatusReasonTimeout,
			Message: fmt.Sprintf("cluster %s did not answer in time: %v", cluster, err),
		}}
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusBadGateway, Reason: badGateway,
		Message: fmt.Sprintf("cluster %s does not answer as an API server does: %v", cluster, err),
	}}
}
