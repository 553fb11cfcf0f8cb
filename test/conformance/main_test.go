package conformance

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// Flags that name a server other than the one of the test environment.
var (
	kubeconfigFlag = flag.String("conformance.kubeconfig", "", "kubeconfig of the host whose server is checked; without it the test environment's")
	serverFlag     = flag.String("conformance.server", "", "URL of the server itself, to check it directly too")
	caFlag         = flag.String("conformance.server-ca", "", "file with the authority of the server's certificate")
	dataFlag       = flag.String("conformance.data-dir", "", "the server's --data-dir, if it is on this machine: lets old versions be compacted away at once")
	groupsFlag     = flag.String("conformance.groups", "core.kubefed.io,types.kubefed.io,scheduling.kubefed.io,multiclusterdns.kubefed.io", "the groups to check")
	reportFlag     = flag.String("conformance.report", "", "folder for junit.xml and report.html")
)

// TestMain writes the report when all rows have run.
func TestMain(m *testing.M) {
	flag.Parse()
	// A check mostly waits for answers.
	if flag.Lookup("test.parallel").Value.String() == fmt.Sprint(defaultParallel()) {
		if err := flag.Set("test.parallel", "8"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := env.Run(m)
	if err := finish(); err != nil {
		fmt.Fprintln(os.Stderr, "write the conformance report:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}
