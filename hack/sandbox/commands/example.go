package commands

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	exampleNamespace = "hello"
	// exampleMember is the member for which the example has an override.
	exampleMember = "cluster1"
)

// showExample applies the example to the host and shows what has become of it in the members.
func showExample(ctx context.Context, place location, environment *env.Environment, report progress.Reporter) error {
	members := memberNames(environment)
	if len(members) == 0 {
		return nil
	}
	manifests, err := readExample(place.repository.Path("hack", "sandbox", "example"), members[0])
	if err != nil {
		return err
	}
	report.Status("applying the example")
	apply := environment.Command(ctx, "kubectl", "apply", "-f", "-")
	apply.Stdin = bytes.NewReader(manifests)
	if output, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("apply the example: %w\n%s", err, bytes.TrimSpace(output))
	}
	report.Step("applied hack/sandbox/example to the host")
	for _, resource := range []string{"federatednamespaces", "federatedconfigmaps", "federateddeployments"} {
		kind := schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: resource}
		if err := environment.AwaitReady(ctx, kind, exampleNamespace, exampleNamespace); err != nil {
			return err
		}
	}
	for _, member := range members {
		if err := kubectl(ctx, environment, "--context", member, "-n", exampleNamespace,
			"rollout", "status", "deployment/"+exampleNamespace, "--timeout=120s"); err != nil {
			return err
		}
	}
	report.Step("the example runs in every member")
	for _, member := range members {
		output, err := environment.Command(ctx, "kubectl", "--context", member, "-n", exampleNamespace,
			"get", "deployment,configmap", "-l", "kubefed.io/managed=true").CombinedOutput()
		if err != nil {
			return fmt.Errorf("show the example in %s: %w\n%s", member, err, bytes.TrimSpace(output))
		}
		fmt.Printf("\n$ kubectl --context %s -n %s get deployment,configmap -l kubefed.io/managed=true\n%s", member, exampleNamespace, output)
	}
	return nil
}

func kubectl(ctx context.Context, environment *env.Environment, args ...string) error {
	if output, err := environment.Command(ctx, "kubectl", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(output))
	}
	return nil
}

// readExample joins the example's files, in order, and addresses its override to a member that exists.
func readExample(dir, member string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("find the example: %w", err)
	}
	var all bytes.Buffer
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the example: %w", err)
		}
		all.WriteString("---\n")
		all.Write(bytes.ReplaceAll(data, []byte("clusterName: "+exampleMember+"\n"), []byte("clusterName: "+member+"\n")))
	}
	return all.Bytes(), nil
}

// printNextSteps says what to try.
func printNextSteps(out io.Writer, environment *env.Environment) error {
	member := "CLUSTER"
	if names := memberNames(environment); len(names) > 0 {
		member = names[0]
	}
	_, err := fmt.Fprintf(out, `
The federation is reached through the host like any other API. To use it:

  export KUBECONFIG=%[1]s PATH=%[2]s:$PATH

  kubectl -n kube-federation-system get kubefedclusters
  kubectl -n %[3]s get federateddeployments,federatedconfigmaps
  kubectl explain federateddeployments.spec.template.spec.replicas
  kubectl -n %[3]s scale federateddeployment %[3]s --replicas=4
  kubectl --context %[4]s -n %[3]s get deployments,pods
  kubectl --context %[4]s -n %[3]s delete deployment %[3]s    # it comes back
  kubectl -n %[3]s delete federateddeployment %[3]s           # and is gone everywhere

Logs: %[5]s. "make down" ends everything.
`, environment.Kubeconfig(), environment.Bin(), exampleNamespace, member, environment.LogDir())
	return err
}
