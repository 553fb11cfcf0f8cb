package propagation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func TestWhatADeletionMaySetAside(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*copyView, *result)
		want   bool
	}{
		"a copy in a member that is away": {func(*copyView, *result) {}, true},
		"one that is not to be deleted":   {func(v *copyView, _ *result) { v.deleting = false }, false},
		"in a cluster that has left":      {func(v *copyView, _ *result) { v.registered = false }, false},
		"in a member that is ready":       {func(v *copyView, _ *result) { v.ready = true }, false},
		"whose removal is not approved":   {func(v *copyView, _ *result) { v.granted = false }, false},
		"that is gone":                    {func(_ *copyView, r *result) { r.gone = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, r := &copyView{deleting: true, registered: true, granted: true, exists: true, observed: members.Observed{UID: "u"}}, &result{}
			row.change(v, r)
			if absent := v.absence("c0", r); row.want {
				require.Equal(t, &absentCopy{cluster: "c0", uid: "u"}, absent)
			} else {
				require.Nil(t, absent)
			}
		})
	}
}
