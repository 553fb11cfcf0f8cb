package propagation

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

var (
	asAskedFor = &overrides.Rendered{JSON: []byte(`{}`), Hash: "0123"}
	ourCopy    = members.Observed{UID: "u1", ResourceVersion: "7", Generation: 2, Managed: "true", Owned: "own"}
)

// healthy is a view of a copy that is as asked for.
func healthy() *copyView {
	return &copyView{
		generation: 3, selected: true, recorded: true, registered: true, ready: true, adopt: true, granted: true,
		state: CopiesSynced, observed: ourCopy, exists: true,
		fingerprint: fingerprint(asAskedFor.Hash, ourCopy), version: "gen:2",
		render: func() (*overrides.Rendered, error) { return asAskedFor, nil },
	}
}

func TestJudge(t *testing.T) {
	failing := func(err error) func() (*overrides.Rendered, error) {
		return func() (*overrides.Rendered, error) { return nil, err }
	}
	tests := map[string]struct {
		change func(*copyView)
		action action
		status typesv1beta1.PropagationStatus
		gone   bool
	}{
		"as asked for":             {change: func(*copyView) {}},
		"the template changed":     {change: func(v *copyView) { v.fingerprint = fingerprint("other", ourCopy) }, action: actApply},
		"a field was taken":        {change: func(v *copyView) { v.observed.Owned = "less" }, action: actApply},
		"made anew by another":     {change: func(v *copyView) { v.observed.UID = "u2" }, action: actApply},
		"never written":            {change: func(v *copyView) { v.exists, v.fingerprint = false, "" }, action: actApply},
		"deleted in the member":    {change: func(v *copyView) { v.exists = false }, action: actApply},
		"nothing may be adopted":   {change: func(v *copyView) { v.exists, v.fingerprint, v.adopt = false, "", false }, action: actProbe},
		"ours, though not adopted": {change: func(v *copyView) { v.exists, v.adopt = false, false }, action: actApply},
		"hands off": {change: func(v *copyView) { v.observed.Managed = "false" },
			status: typesv1beta1.ManagedLabelFalse},
		"being deleted in the member": {change: func(v *copyView) { v.observed.Deleting = true },
			action: actWait, status: typesv1beta1.Pending},
		"not ready": {change: func(v *copyView) { v.ready = false }, status: typesv1beta1.ClusterNotReady},
		"not listed yet": {change: func(v *copyView) { v.state, v.exists = CopiesSyncing, false },
			action: actUnknown},
		"cannot be listed": {change: func(v *copyView) { v.state, v.stateErr, v.exists = CopiesFailed, errors.New("forbidden"), false },
			status: typesv1beta1.CachedRetrievalFailed},
		"type not served": {change: func(v *copyView) { v.state, v.exists = CopiesNotAvailable, false },
			status: typesv1beta1.TypeNotAvailable},
		"no template": {change: func(v *copyView) { v.render = failing(&overrides.ComputeError{Err: errors.New("no")}) },
			status: typesv1beta1.ComputeResourceFailed},
		"an override does not apply": {change: func(v *copyView) { v.render = failing(&overrides.ApplyError{Err: errors.New("no")}) },
			status: typesv1beta1.ApplyOverridesFailed},
		"namespace on its way": {change: func(v *copyView) { v.exists, v.namespaceMissing = false, true },
			action: actWait, status: typesv1beta1.Pending},

		"removed":                  {change: func(v *copyView) { v.selected = false }, action: actDelete},
		"removed and orphaned":     {change: func(v *copyView) { v.selected, v.orphan = false, true }, action: actUnmanage},
		"removed, never there":     {change: func(v *copyView) { v.selected, v.exists = false, false }, action: actConfirmGone},
		"removed, not recorded":    {change: func(v *copyView) { v.selected, v.recorded = false, false }, action: actDelete},
		"same cluster, wanted":     {change: func(v *copyView) { v.selected, v.wantedAs = false, "other" }, gone: true},
		"nothing here":             {change: func(v *copyView) { v.selected, v.recorded, v.exists = false, false, false }, gone: true},
		"removed, label taken off": {change: func(v *copyView) { v.selected, v.observed.Managed = false, "false" }, gone: true},
		"removed, being deleted": {change: func(v *copyView) { v.selected, v.observed.Deleting = false, true },
			action: actWait, status: typesv1beta1.WaitingForRemoval},
		"removed, not ready": {change: func(v *copyView) { v.selected, v.ready = false, false },
			status: typesv1beta1.WaitingForRemoval},
		"removed, not listed yet": {change: func(v *copyView) { v.selected, v.state = false, CopiesSyncing }, action: actUnknown},
		"removed, type not served": {change: func(v *copyView) { v.selected, v.exists, v.state = false, false, CopiesNotAvailable },
			action: actConfirmGone},
		"removed, bad options": {change: func(v *copyView) { v.selected, v.deleteOptionsErr = false, errors.New("bad") },
			status: typesv1beta1.DeletionFailed},
		"namespace of the host": {change: func(v *copyView) { v.selected, v.hostNamespace = false, true }, action: actUnmanage},
		"namespace of the host, going itself": {change: func(v *copyView) { v.selected, v.hostNamespace, v.observed.Deleting = false, true, true },
			action: actUnmanage},
		"deleted":              {change: func(v *copyView) { v.deleting = true }, action: actDelete},
		"removed, not granted": {change: func(v *copyView) { v.selected, v.granted = false, false }, status: typesv1beta1.RemovalPaused},
		"removed, paused, not ready": {change: func(v *copyView) { v.selected, v.granted, v.paused, v.ready = false, false, true, false },
			status: typesv1beta1.RemovalPaused},
		"removed, not granted, orphaned": {change: func(v *copyView) { v.selected, v.granted, v.orphan = false, false, true }, action: actUnmanage},
		"removed, not granted, gone":     {change: func(v *copyView) { v.selected, v.granted, v.exists = false, false, false }, action: actConfirmGone},
		"namespace of the host, not granted": {change: func(v *copyView) { v.selected, v.granted, v.hostNamespace = false, false, true },
			status: typesv1beta1.RemovalPaused},
		"cluster has left":  {change: func(v *copyView) { v.registered = false }, action: actRelease, status: typesv1beta1.WaitingForRemoval},
		"protected":         {change: func(v *copyView) { v.handsOff = true }, gone: true},
		"protected, delete": {change: func(v *copyView) { v.handsOff, v.deleting = true, true }, gone: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := healthy()
			test.change(v)
			got := judge(v)
			require.Equal(t, test.action, got.action)
			require.Equal(t, test.gone, got.result.gone)
			require.Equal(t, test.status, got.result.status)
			require.EqualValues(t, 3, got.result.generation)
			if test.status != typesv1beta1.ClusterPropagationOK {
				require.NotEmpty(t, got.result.message)
			}
		})
	}
}

func drawView(t *rapid.T) *copyView {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	v := &copyView{
		generation: rapid.Int64Range(1, 3).Draw(t, "generation"),
		deleting:   flag("deleting"), selected: flag("selected"), handsOff: flag("handsOff"), recorded: flag("recorded"),
		registered: flag("registered"), ready: flag("ready"), adopt: flag("adopt"), orphan: flag("orphan"),
		granted: flag("granted"), paused: flag("paused"), namespaceMissing: flag("namespaceMissing"), hostNamespace: flag("hostNamespace"), exists: flag("exists"),
		state: rapid.SampledFrom([]CopiesState{CopiesSyncing, CopiesSynced, CopiesNotAvailable, CopiesFailed}).Draw(t, "state"),
		observed: members.Observed{
			UID: types.UID(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "uid")), Deleting: flag("copyDeleting"),
			Managed: rapid.SampledFrom([]string{"true", "false"}).Draw(t, "managed"),
			Owned:   rapid.SampledFrom([]string{"", "x"}).Draw(t, "owned"),
		},
		render: func() (*overrides.Rendered, error) { return asAskedFor, nil },
	}
	v.fingerprint = rapid.SampledFrom([]string{"", "other.x", fingerprint(asAskedFor.Hash, v.observed)}).Draw(t, "fingerprint")
	if flag("badOptions") {
		v.deleteOptionsErr = errors.New("bad")
	}
	if flag("renderFails") {
		v.render = func() (*overrides.Rendered, error) { return nil, errors.New("no") }
	}
	return v
}

// What must hold whatever is the case.
func TestJudgeNeverHarms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		wanted := v.selected && !v.deleting
		got := judge(v)
		switch got.action {
		case actDelete, actUnmanage, actConfirmGone:
			require.False(t, wanted, "a copy that is wanted is removed")
		case actApply, actProbe:
			require.True(t, wanted, "a copy that is not wanted is written")
		}
		if got.action == actDelete {
			require.True(t, v.exists && v.observed.Managed == "true", "what is not ours is deleted")
			require.False(t, v.hostNamespace || v.orphan || v.handsOff || v.deleteOptionsErr != nil)
			require.True(t, v.granted, "a copy is deleted that may not go")
		}
		if got.action.isRequest() {
			require.True(t, v.registered && v.ready && !v.handsOff)
			require.NotEqual(t, CopiesSyncing, v.state, "something is done before it is known what there is")
		}
		if got.result.gone && !v.handsOff {
			require.False(t, wanted)
			require.False(t, v.exists && v.observed.Managed == "true", "a copy is given up")
			require.True(t, v.exists || !v.recorded, "a copy is gone without evidence")
		}
	})
}
