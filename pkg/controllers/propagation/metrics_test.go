package propagation

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func TestStateOf(t *testing.T) {
	created, changed, now := time.Unix(1000, 0), time.Unix(2000, 0), time.Unix(3000, 0)
	is := func(conditionType string, status corev1.ConditionStatus) typesv1beta1.Condition {
		return typesv1beta1.Condition{Type: conditionType, Status: status, LastTransitionTime: metav1.NewTime(changed)}
	}
	ready, notReady := is(typesv1beta1.ReadyCondition, corev1.ConditionTrue), is(typesv1beta1.ReadyCondition, corev1.ConditionFalse)
	for name, row := range map[string]struct {
		conditions []typesv1beta1.Condition
		observed   int64
		deleting   bool
		state      string
		since      time.Time
	}{
		"unseen":                     {nil, 0, false, objectProgressing, created},
		"ready":                      {[]typesv1beta1.Condition{ready}, 2, false, objectReady, changed},
		"changed since":              {[]typesv1beta1.Condition{ready}, 1, false, objectProgressing, now},
		"progressing":                {[]typesv1beta1.Condition{notReady, is(typesv1beta1.ReconcilingCondition, corev1.ConditionTrue)}, 2, false, objectProgressing, changed},
		"stalled":                    {[]typesv1beta1.Condition{notReady, is(typesv1beta1.StalledCondition, corev1.ConditionTrue)}, 2, false, objectStalled, changed},
		"deleting, whatever it says": {[]typesv1beta1.Condition{ready}, 2, true, objectDeleting, changed},
	} {
		t.Run(name, func(t *testing.T) {
			obj := &typesv1beta1.FederatedObject{}
			obj.Generation, obj.CreationTimestamp = 2, metav1.NewTime(created)
			obj.Status.Conditions, obj.Status.ObservedGeneration = row.conditions, row.observed
			if row.deleting {
				obj.DeletionTimestamp = &metav1.Time{Time: changed}
			}
			state, since := stateOf(obj, now)
			assert.Equal(t, row.state, state)
			assert.True(t, row.since.Equal(since), "since %s", since)
		})
	}
}

func TestRequestResult(t *testing.T) {
	resource := schema.GroupResource{Resource: "configmaps"}
	for want, err := range map[string]error{
		requestOK:           nil,
		requestNotReady:     &members.NotReadyError{},
		requestTimeout:      fmt.Errorf("apply: %w", context.DeadlineExceeded),
		requestNotAvailable: &members.NotAvailableError{},
		requestForbidden:    apierrors.NewForbidden(resource, "web", errors.New("no")),
		requestRefused:      apierrors.NewBadRequest("no"),
		requestConflict:     apierrors.NewConflict(resource, "web", errors.New("no")),
		requestError:        errors.New("connection reset"),
	} {
		assert.Equal(t, want, requestResult(err))
		assert.Contains(t, requestResults, want, "it must be forgotten with the member")
	}
}
