package cli_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli"
)

func TestCompletion(t *testing.T) {
	f := setup(t)
	f.federatedNamespace("look")
	f.create("federatedconfigmaps", settings)
	complete := func(args ...string) []string {
		t.Helper()
		var out, errOut bytes.Buffer
		code := cli.Run(f.ctx, append([]string{"/usr/local/bin/kubectl_complete-fed", "--kubeconfig", f.JoinKubeconfig()}, args...),
			genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut})
		require.Zero(t, code, errOut.String())
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		for i := range lines {
			lines[i], _, _ = strings.Cut(lines[i], "\t")
		}
		return lines[:len(lines)-1] // the last one is for the shell
	}
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"orph"}, []string{"orphaning-deletion"}},
		{[]string{"describe", "federatedco"}, []string{"federatedconfigmaps"}},
		{[]string{"describe", "fcm", "-n", "look", ""}, []string{"settings"}},
		{[]string{"describe", "federatednamespaces", "lo"}, []string{"look"}},
		{[]string{"describe", "fcm", "settings", ""}, nil},
		{[]string{"orphaning-deletion", "status", "fcm", "-n", "look", "s"}, []string{"settings"}},
		{[]string{"unjoin", ""}, []string{"cluster1", "cluster2", "cluster3"}},
		{[]string{"join", "h"}, []string{"host"}},
		{[]string{"enable", "cronj"}, []string{"cronjobs.batch"}},
		{[]string{"disable", "conf"}, []string{"configmaps"}},
		{[]string{"federate", "namespaces", "lo"}, []string{"look"}},
		{[]string{"render", "fcm", "settings", "--cluster", "cluster1,c"}, []string{"cluster1,cluster1", "cluster1,cluster2", "cluster1,cluster3"}},
		{[]string{"status", "-n", "lo"}, []string{"look"}},
		{[]string{"status", "--host-cluster-context", "ho"}, []string{"host"}},
		{[]string{"unjoin", "cluster1", "--policy", ""}, []string{"orphan", "remove"}},
		{[]string{"describe", "nothings", ""}, nil},
	} {
		if test.want == nil {
			require.Empty(t, complete(test.args...), "%v", test.args)
			continue
		}
		// A shell is not kept waiting for a host that takes its time.
		f.eventually(fmt.Sprintf("words for %v", test.args), func() error {
			if got := complete(test.args...); !slices.Equal(test.want, got) {
				return fmt.Errorf("%v instead of %v", got, test.want)
			}
			return nil
		})
	}
}
