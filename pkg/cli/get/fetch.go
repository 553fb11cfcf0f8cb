package get

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

// patience is how long a member may take to answer.
const patience = 10 * time.Second

// query is what is read.
type query struct {
	resource  schema.GroupVersionResource
	namespace string
	// name of the object; empty: all that have the selector.
	name     string
	selector string
}

func (q *query) path() []string {
	elements := []string{"api", q.resource.Version}
	if q.resource.Group != "" {
		elements = []string{"apis", q.resource.Group, q.resource.Version}
	}
	if q.namespace != "" {
		elements = append(elements, "namespaces", q.namespace)
	}
	elements = append(elements, q.resource.Resource)
	if q.name != "" {
		elements = append(elements, q.name)
	}
	return elements
}

// answer is what a cluster has.
type answer struct {
	cluster string
	// table has a row for each object, with the object in it.
	table *metav1.Table
	// absent says that there is no such object.
	absent bool
	err    error
}

// asTable asks for columns, with whole objects in the rows.
const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

// fetch asks a cluster.
func fetch(ctx context.Context, config *rest.Config, q *query) (*metav1.Table, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := clientFor(config)
	if err != nil {
		return nil, err
	}
	request := client.Get().AbsPath(q.path()...).SetHeader("Accept", asTable).Param("includeObject", string(metav1.IncludeObject))
	if q.name == "" && q.selector != "" {
		request = request.Param("labelSelector", q.selector)
	}
	raw, err := request.DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	table := &metav1.Table{}
	if err := json.Unmarshal(raw, table); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if table.Kind != "Table" {
		return nil, fmt.Errorf("the cluster answers with %s where a table was asked for", table.Kind)
	}
	return table, nil
}

func clientFor(config *rest.Config) (*rest.RESTClient, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion = &schema.GroupVersion{}
	config.NegotiatedSerializer = federation.RawSerializer
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	// A token is for one cluster.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return rest.RESTClientForConfigAndClient(config, client)
}

// fromMembers asks the members with these names, or all for none.
func fromMembers(ctx context.Context, client *federation.Client, names []string, q *query) ([]answer, error) {
	clusters, err := client.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(clusters, clusterNamed(name)) {
			return nil, fmt.Errorf("there is no cluster %q", name)
		}
	}
	if len(names) > 0 {
		clusters = slices.DeleteFunc(clusters, func(c kubeFedCluster) bool { return !slices.Contains(names, c.Name) })
	}
	answers := make([]answer, len(clusters))
	var asking sync.WaitGroup
	for i := range clusters {
		asking.Go(func() {
			answers[i].cluster = clusters[i].Name
			config, _, err := client.Member(ctx, &clusters[i])
			if err == nil {
				answers[i].table, err = fetch(ctx, config, q)
				if err != nil && !apierrors.IsNotFound(err) {
					err = fmt.Errorf("cluster %s: %w", clusters[i].Name, err)
				}
			}
			if answers[i].absent = apierrors.IsNotFound(err); !answers[i].absent {
				answers[i].err = err
			}
		})
	}
	asking.Wait()
	return answers, nil
}

// managed selects copies.
const managed = typesv1beta1.ManagedLabel + "=" + typesv1beta1.ManagedLabelValueTrue

// singular is how kubectl names an object: deployment.apps/web.
func singular(kind, group string) string {
	return schema.GroupResource{Group: group, Resource: strings.ToLower(kind)}.String()
}
