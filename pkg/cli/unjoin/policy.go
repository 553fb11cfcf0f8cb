package unjoin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

// checkPolicy refuses what is no policy.
func (o *Options) checkPolicy() error {
	if o.Policy != PolicyOrphan && o.Policy != PolicyRemove {
		return fmt.Errorf("--policy: %q must be %s or %s", o.Policy, PolicyOrphan, PolicyRemove)
	}
	if o.IncludingData && o.Policy != PolicyRemove {
		return fmt.Errorf("--including-data needs --policy=%s: otherwise nothing is deleted", PolicyRemove)
	}
	return nil
}

// copies looks for the copies in the member, while the federation has the record
// of them. None are found for a cluster that is a member under another name too:
// nobody can tell whose they are.
func (o *Options) copies(ctx context.Context, client *federation.Client, m *member) ([]copied, error) {
	clusters, err := client.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	endpoint := ""
	for i := range clusters {
		if clusters[i].Name == o.Cluster {
			endpoint = clusters[i].Spec.APIEndpoint
		}
	}
	if endpoint == "" {
		m.report.Note("%s: copies are left as they are: there is no KubeFedCluster, and so no record of them", o.Cluster)
		return nil, nil
	}
	for i := range clusters {
		if clusters[i].Name != o.Cluster && clusters[i].Spec.APIEndpoint == endpoint {
			m.report.Note("%s: copies are left as they are: the cluster is a member as %s too", o.Cluster, clusters[i].Name)
			return nil, nil
		}
	}
	if err := m.known(ctx); err != nil {
		return nil, err
	}
	m.report.Doing("%s: looking for copies", o.Cluster)
	record, err := recordOf(ctx, client, o.Cluster)
	if err != nil {
		return nil, err
	}
	return m.find(ctx, record)
}

// confirm asks the user whether to delete the copies.
func (o *Options) confirm(copies []copied) error {
	copies, _ = o.dividedByPolicy(copies)
	if o.Yes || o.DryRun || len(copies) == 0 {
		return nil
	}
	var parts []string
	for _, one := range copies {
		parts = append(parts, one.String())
	}
	what := fmt.Sprintf("%s in cluster %s", strings.Join(parts, ", "), o.Cluster)
	if file, ok := o.Streams.In.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return fmt.Errorf("--policy=%s deletes %s: confirm that with --yes. Nothing was changed", PolicyRemove, what)
	}
	return ask(o.Streams.In, o.Streams.Out, what, o.Cluster)
}

// ask wants the name of the cluster typed.
func ask(in io.Reader, out io.Writer, what, cluster string) error {
	fmt.Fprintf(out, "This deletes %s.\nType the name of the cluster to go on: ", what)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if strings.TrimSpace(line) != cluster {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}

// apply does to the copies what the policy says.
func (o *Options) apply(ctx context.Context, client *federation.Client, m *member, copies []copied) error {
	deleted, kept := o.dividedByPolicy(copies)
	if err := m.letGo(ctx, kept); err != nil {
		return err
	}
	return m.remove(ctx, deleted, func(ctx context.Context, name string) (types.UID, error) {
		namespace, err := client.Kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return namespace.UID, nil
	})
}
