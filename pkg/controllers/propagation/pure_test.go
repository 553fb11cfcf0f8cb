package propagation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

func TestFingerprint(t *testing.T) {
	observed := members.Observed{UID: "u", Owned: "o", ResourceVersion: "1", Generation: 1}
	same := fingerprint("h", observed)
	observed.ResourceVersion, observed.Generation = "2", 2
	require.Equal(t, same, fingerprint("h", observed), "changes of others do not matter")
	for name, other := range map[string]string{
		"another object": fingerprint("h", members.Observed{UID: "v", Owned: "o"}),
		"other fields":   fingerprint("h", members.Observed{UID: "u", Owned: "p"}),
		"other content":  fingerprint("i", members.Observed{UID: "u", Owned: "o"}),
	} {
		require.NotEqual(t, same, other, name)
	}
	require.True(t, appliedSame(same, "h"))
	require.False(t, appliedSame(same, "i"))
	require.False(t, appliedSame("", ""))
	require.Equal(t, "gen:2", version(observed))
	require.Equal(t, "rv:9", version(members.Observed{ResourceVersion: "9"}))
}

func TestFailure(t *testing.T) {
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	tests := map[string]struct {
		op      operation
		err     error
		status  typesv1beta1.PropagationStatus
		stalled bool
	}{
		"refused creation": {opCreate, apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "a", nil), typesv1beta1.CreationFailed, true},
		"refused update":   {opUpdate, apierrors.NewBadRequest("no"), typesv1beta1.UpdateFailed, true},
		"forbidden":        {opUpdate, apierrors.NewForbidden(deployments, "a", errors.New("no")), typesv1beta1.UpdateFailed, false},
		"no answer":        {opCreate, &members.TimeoutError{Member: "c", Err: context.DeadlineExceeded}, typesv1beta1.CreationTimedOut, false},
		"our own timeout":  {opUpdate, fmt.Errorf("x: %w", context.DeadlineExceeded), typesv1beta1.UpdateTimedOut, false},
		"busy":             {opDelete, apierrors.NewServerTimeout(deployments, "delete", 1), typesv1beta1.DeletionTimedOut, false},
		"not ready":        {opUpdate, &members.NotReadyError{Member: "c", Err: errors.New("x")}, typesv1beta1.ClusterNotReady, false},
		"not ready, removal": {opDelete, &members.NotReadyError{Member: "c", Err: errors.New("x")},
			typesv1beta1.WaitingForRemoval, false},
		"not served":  {opCreate, &members.NotAvailableError{Member: "c"}, typesv1beta1.TypeNotAvailable, false},
		"label stays": {opUnmanage, errors.New("no"), typesv1beta1.LabelRemovalFailed, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := failure(test.op, test.err)
			require.Equal(t, test.status, r.status)
			require.NotEmpty(t, r.message)
			require.Equal(t, test.stalled, isStalled(&typesv1beta1.ClusterStatus{Status: r.status, Message: r.message}))
		})
	}
	require.True(t, isMissingNamespace(fmt.Errorf("member c: %w", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "a"))))
	require.False(t, isMissingNamespace(apierrors.NewNotFound(deployments, "a")))
	require.False(t, isMissingNamespace(errors.New("namespaces not found")))
}

func TestMessagesAreStable(t *testing.T) {
	for _, address := range []string{"127.0.0.1:41234->127.0.0.1:6443", "[::1]:50000->127.0.0.1:6443", "[fe80::1%eth0]:1->127.0.0.1:6443"} {
		err := fmt.Errorf("member c1: Patch \"https://127.0.0.1:6443/api\": read tcp %s: connection reset by peer", address)
		require.Equal(t, `Patch "https://127.0.0.1:6443/api": read tcp 127.0.0.1:6443: connection reset by peer`, stableMessage(err))
	}
	require.Empty(t, stableMessage(nil))
}

func TestTruncate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := rapid.String().Draw(t, "message")
		size := rapid.IntRange(3, 40).Draw(t, "size")
		short := truncate(message, size)
		require.LessOrEqual(t, len(short), size)
		require.True(t, utf8.ValidString(short))
		if len(message) <= size {
			require.Equal(t, message, short)
		} else {
			require.True(t, strings.HasPrefix(message, strings.TrimSuffix(short, "...")))
		}
	})
}

func TestDeleteOptions(t *testing.T) {
	foreground := metav1.DeletePropagationForeground
	tests := map[string]struct {
		annotation string
		want       metav1.DeleteOptions
		wrong      string
	}{
		"all that counts": {annotation: `{"gracePeriodSeconds":5,"propagationPolicy":"Foreground","dryRun":["All"]}`,
			want: metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](5), PropagationPolicy: &foreground}},
		"empty object": {annotation: `{}`},
		"nothing":      {annotation: ``, wrong: "as JSON"},
		"no JSON":      {annotation: `gracePeriodSeconds: 5`, wrong: "as JSON"},
		"too much":     {annotation: `{} {}`, wrong: "more after"},
		"no policy":    {annotation: `{"propagationPolicy":"Sometimes"}`, wrong: "Sometimes"},
		"no period":    {annotation: `{"gracePeriodSeconds":-1}`, wrong: "negative"},
		"no field":     {annotation: `{"gracePeriod":5}`, wrong: "gracePeriod"},
		"no number":    {annotation: `{"gracePeriodSeconds":"5"}`, wrong: "gracePeriodSeconds"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			obj := federatedObject(1)
			obj.Annotations = map[string]string{typesv1beta1.DeleteOptionAnnotation: test.annotation}
			got, err := deleteOptions(obj)
			if test.wrong != "" {
				require.ErrorContains(t, err, test.wrong)
				require.ErrorContains(t, err, typesv1beta1.DeleteOptionAnnotation)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	got, err := deleteOptions(federatedObject(1))
	require.NoError(t, err)
	require.Equal(t, metav1.DeleteOptions{}, got)
}

func TestRepairsSlowDown(t *testing.T) {
	r := newRepairs[string]()
	now := noon
	for range freeRepairs {
		require.Zero(t, r.delay("a", now))
	}
	last := time.Duration(0)
	for range 10 {
		delay := r.delay("a", now)
		require.Positive(t, delay)
		require.GreaterOrEqual(t, delay, last)
		require.LessOrEqual(t, delay, lastRepairDelay)
		require.Zero(t, r.delay("b"+now.String(), now), "another copy has nothing to do with it")
		now = now.Add(delay)
		require.Zero(t, r.delay("a", now))
		last = delay
	}
	require.Equal(t, lastRepairDelay, last)
	require.Zero(t, r.delay("a", now.Add(repairMemory+time.Second)), "it is forgotten after a while")

	for i := range 5000 {
		now = now.Add(time.Second)
		r.delay(fmt.Sprint(i), now)
	}
	require.Less(t, len(r.copies), 3000)
}

func TestDecide(t *testing.T) {
	clusters := []placement.Cluster{{Name: "a", Labels: map[string]string{"eu": "1"}}, {Name: "b"}}
	all := typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{}}
	configMaps := &kind{name: "configmaps", namespaced: true, target: schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}}
	deployments, namespaces, roles := &kind{name: "deployments.apps", namespaced: true}, &kind{name: namespacesName, namespaces: true}, &kind{name: "clusterroles"}
	object := func(namespace, name string, p typesv1beta1.Placement) *typesv1beta1.FederatedObject {
		return &typesv1beta1.FederatedObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: typesv1beta1.FederatedObjectSpec{Placement: p}}
	}
	deleted := func(obj *typesv1beta1.FederatedObject) *typesv1beta1.FederatedObject {
		now := metav1.NewTime(noon)
		obj.DeletionTimestamp = &now
		return obj
	}
	eu := typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"eu": "1"}}}
	bad := typesv1beta1.Placement{ClusterSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}}

	tests := map[string]struct {
		kind      *kind
		obj       *typesv1beta1.FederatedObject
		namespace federation
		want      []string
		reason    string
		check     func(decision) bool
	}{
		"cluster-scoped":       {kind: roles, obj: object("", "x", all), want: []string{"a", "b"}},
		"with its namespace":   {kind: deployments, obj: object("n", "x", all), namespace: federation{needed: true, object: object("n", "n", eu)}, want: []string{"a"}},
		"confined":             {kind: deployments, obj: object("sys", "x", all), namespace: federation{confined: true}, want: []string{"a", "b"}},
		"confined and limited": {kind: deployments, obj: object("sys", "x", all), namespace: federation{confined: true, needed: true, object: object("sys", "sys", eu)}, want: []string{"a"}},
		"out of scope":         {kind: deployments, obj: object("n", "x", all), namespace: federation{confined: true}, reason: typesv1beta1.ReasonNamespaceNotFederated, check: func(d decision) bool { return d.frozen }},
		"out of scope, going":  {kind: deployments, obj: deleted(object("n", "x", all)), namespace: federation{confined: true}, check: func(d decision) bool { return !d.frozen }},
		"namespace, confined":  {kind: namespaces, obj: object("n", "n", eu), namespace: federation{confined: true}, check: func(d decision) bool { return d.handsOff }},
		"not federated":        {kind: deployments, obj: object("n", "x", all), namespace: federation{needed: true}, reason: typesv1beta1.ReasonNamespaceNotFederated},
		"not known yet":        {kind: deployments, obj: object("n", "x", all), namespace: federation{needed: true, parked: true}, check: func(d decision) bool { return d.parked }},
		"namespace going":      {kind: deployments, obj: object("n", "x", all), namespace: federation{needed: true, object: deleted(object("n", "n", all))}, check: func(d decision) bool { return d.parked }},
		"namespaces disabled":  {kind: deployments, obj: object("n", "x", all), namespace: federation{needed: true, disabled: true}, reason: typesv1beta1.ReasonNamespaceNotFederated, check: func(d decision) bool { return d.frozen }},
		"bad selector":         {kind: roles, obj: object("", "x", bad), reason: typesv1beta1.ReasonComputePlacementFailed, check: func(d decision) bool { return d.frozen && d.impediment.stalled }},
		"bad namespace":        {kind: deployments, obj: object("n", "x", all), namespace: federation{needed: true, object: object("n", "n", bad)}, reason: typesv1beta1.ReasonComputePlacementFailed, check: func(d decision) bool { return d.frozen }},
		"deleted":              {kind: deployments, obj: deleted(object("n", "x", all)), namespace: federation{needed: true, disabled: true}, check: func(d decision) bool { return !d.frozen }},
		"namespace":            {kind: namespaces, obj: object("n", "n", eu), want: []string{"a"}},
		"namespace, misnamed":  {kind: namespaces, obj: object("n", "m", all), reason: ReasonInvalidName, check: func(d decision) bool { return d.handsOff }},
		"namespace, protected": {kind: namespaces, obj: object("default", "default", all), check: func(d decision) bool { return d.handsOff }},
		"namespace, system":    {kind: namespaces, obj: object("sys", "sys", all), check: func(d decision) bool { return d.handsOff }},
		"a cluster's own CA":   {kind: configMaps, obj: object("n", "kube-root-ca.crt", all), check: func(d decision) bool { return d.handsOff }},
		"in a protected one":   {kind: deployments, obj: object("default", "x", all), namespace: federation{needed: true, object: object("default", "default", eu)}, want: []string{"a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := decide(test.kind, test.obj, test.namespace, clusters, "sys")
			require.ElementsMatch(t, test.want, got.selected.UnsortedList())
			if test.reason != "" {
				require.Equal(t, test.reason, got.impediment.reason)
				require.NotEmpty(t, got.impediment.message)
			} else {
				require.Nil(t, got.impediment)
			}
			if test.check != nil {
				require.True(t, test.check(got))
			}
		})
	}
}

func TestAnnouncements(t *testing.T) {
	entry := func(name string, status typesv1beta1.PropagationStatus, message, print string) typesv1beta1.ClusterStatus {
		return typesv1beta1.ClusterStatus{Name: name, Status: status, Message: message, Fingerprint: print}
	}
	obj := federatedObject(1)
	obj.Status.Clusters = []typesv1beta1.ClusterStatus{
		entry("c1", typesv1beta1.Pending, "", ""), entry("c2", typesv1beta1.Pending, "", ""),
		entry("c3", typesv1beta1.CreationFailed, "no", ""), entry("c4", "", "", "old"), entry("c5", "", "", "old"),
	}
	next := &typesv1beta1.FederatedObjectStatus{
		Clusters: []typesv1beta1.ClusterStatus{
			entry("c1", "", "", "new"), entry("c2", "", "", "new"), entry("c3", typesv1beta1.CreationFailed, "no", ""),
			entry("c4", typesv1beta1.UpdateTimedOut, "no answer", "old"), entry("c6", typesv1beta1.ManagedLabelFalse, "hands off", ""),
		},
	}
	results := map[string]result{
		"c1": {operation: opCreate}, "c2": {operation: opCreate}, "c3": {operation: opCreate}, "c4": {operation: opUpdate},
		"c5": {operation: opDelete, gone: true},
	}
	require.Equal(t, []announcement{
		{corev1.EventTypeWarning, "OperationTimeoutError", `ConfigMap "ns/a" in cluster "c4": UpdateTimedOut: no answer`},
		{corev1.EventTypeWarning, "ManagedLabelFalse", `ConfigMap "ns/a" in cluster "c6": ManagedLabelFalse: hands off`},
		{corev1.EventTypeNormal, "CreateInCluster", `Created ConfigMap "ns/a" in clusters c1, c2`},
		{corev1.EventTypeNormal, "DeleteInCluster", `Deleted ConfigMap "ns/a" in cluster c5`},
	}, announcements(`ConfigMap "ns/a"`, obj, next, results))

	obj.Status = *next
	require.Empty(t, announcements(`ConfigMap "ns/a"`, obj, next, nil), "what has been told is not told again")

	next = next.DeepCopy()
	next.Conditions = []typesv1beta1.Condition{{Type: typesv1beta1.PropagationCondition, Reason: typesv1beta1.ReasonComputePlacementFailed, Message: "bad"}}
	require.Equal(t, []announcement{{corev1.EventTypeWarning, "ComputePlacementFailed", "bad"}}, announcements("x", obj, next, nil))
}

// The entry of a cluster keeps what was last known until a request has found out
// more. It is not what holds that request up.
func TestPausedIsWhatTheStatusLists(t *testing.T) {
	obj := &typesv1beta1.FederatedObject{}
	obj.Status.Clusters = []typesv1beta1.ClusterStatus{{Name: "c1", Status: typesv1beta1.RemovalPaused}}
	require.False(t, isPaused(obj, "c1"))
	obj.Status.PausedRemoval = &typesv1beta1.PausedRemoval{Clusters: []string{"c1"}}
	require.True(t, isPaused(obj, "c1"))
	require.False(t, isPaused(obj, "c2"))
}
