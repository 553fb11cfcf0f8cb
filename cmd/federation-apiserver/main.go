// Command federation-apiserver serves one Kubernetes API for many clusters and
// keeps what its objects ask for in the member clusters.
package main

import (
	"os"

	"k8s.io/component-base/cli"

	"github.com/kubefederation/federation-apiserver/pkg/server/command"
)

func main() {
	os.Exit(cli.Run(command.New()))
}
