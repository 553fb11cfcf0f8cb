package unjoin

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestDataStays(t *testing.T) {
	of := func(group, resource string) copied {
		return copied{resource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}}
	}
	secrets, claims, crds := of("", "secrets"), of("", "persistentvolumeclaims"), of("apiextensions.k8s.io", "customresourcedefinitions")
	all := []copied{secrets, claims, crds}
	for name, test := range map[string]struct {
		options        Options
		deleted, letGo []copied
	}{
		"orphan":         {options: Options{Policy: PolicyOrphan}, letGo: all},
		"remove":         {options: Options{Policy: PolicyRemove}, deleted: []copied{secrets}, letGo: []copied{claims, crds}},
		"including data": {options: Options{Policy: PolicyRemove, IncludingData: true}, deleted: all},
	} {
		t.Run(name, func(t *testing.T) {
			deleted, letGo := test.options.dividedByPolicy(all)
			require.Equal(t, test.deleted, deleted)
			require.Equal(t, test.letGo, letGo)
		})
	}
	require.ErrorContains(t, (&Options{Policy: PolicyOrphan, IncludingData: true}).checkPolicy(), "--including-data needs --policy=remove")
}

func TestAsk(t *testing.T) {
	for answer, confirmed := range map[string]bool{
		"cluster1\n": true, " cluster1 ": true, "yes\n": false, "\n": false, "": false, "cluster2\n": false,
	} {
		var out bytes.Buffer
		err := ask(strings.NewReader(answer), &out, "2 secrets in cluster cluster1", "cluster1")
		require.Equal(t, confirmed, err == nil, "%q", answer)
		require.Equal(t, "This deletes 2 secrets in cluster cluster1.\nType the name of the cluster to go on: ", out.String())
	}
}

func TestSome(t *testing.T) {
	require.Equal(t, "a, b", some([]string{"a", "b"}))
	require.Equal(t, "a, b, c, d, e and 2 more", some([]string{"a", "b", "c", "d", "e", "f", "g"}))
}
