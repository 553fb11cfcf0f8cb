package unjoin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
)

// Policies say what becomes of the copies in a cluster that leaves.
const (
	// PolicyOrphan keeps them and takes the federation's label off.
	PolicyOrphan = "orphan"
	// PolicyRemove deletes them.
	PolicyRemove = "remove"
)

const (
	// atOnce is how many copies are worked on at a time.
	atOnce = 8
	// pageSize is how many copies one request asks for.
	pageSize = 500
	// emptyPatience is how long a namespace may take to become empty when the copies
	// in it have been deleted.
	emptyPatience = 30 * time.Second
)

var namespacesResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// recorded are the names of the copies of each type that the federation has
// written to a cluster, by its own record.
type recorded map[schema.GroupVersionResource]sets.Set[types.NamespacedName]

// recordOf reads the record. It goes when the KubeFedCluster goes.
func recordOf(ctx context.Context, client *federation.Client, cluster string) (recorded, error) {
	configs, err := client.TypeConfigs(ctx)
	if err != nil {
		return nil, err
	}
	record := recorded{}
	for i := range configs {
		config := &configs[i]
		names := sets.New[types.NamespacedName]()
		err := client.Each(ctx, config, "", func(object *typesv1beta1.FederatedObject) {
			if !slices.ContainsFunc(object.Status.Clusters, func(c typesv1beta1.ClusterStatus) bool { return c.Name == cluster }) {
				return
			}
			name := types.NamespacedName{Name: object.Name}
			if config.Spec.TargetType.Scope == "Namespaced" {
				name.Namespace = object.Namespace
			}
			names.Insert(name)
		})
		if err != nil {
			return nil, err
		}
		if names.Len() > 0 {
			record[federation.TargetResource(config)] = names
		}
	}
	return record, nil
}

// copied are the copies of one type.
type copied struct {
	resource schema.GroupVersionResource
	objects  []metav1.PartialObjectMetadata
}

func (c copied) String() string {
	return fmt.Sprintf("%d %s", len(c.objects), c.resource.GroupResource())
}

// find looks for the copies: what has the label and is in the record. Namespaces
// come last.
func (m *member) find(ctx context.Context, record recorded) ([]copied, error) {
	var found []copied
	for resource, names := range record {
		one := copied{resource: resource}
		options := metav1.ListOptions{LabelSelector: typesv1beta1.ManagedLabel + "=" + typesv1beta1.ManagedLabelValueTrue, Limit: pageSize}
		for {
			page, err := m.meta.Resource(resource).List(ctx, options)
			if apierrors.IsNotFound(err) {
				break // the member does not serve the type
			}
			if err != nil {
				return nil, fmt.Errorf("listing the copies of %s: %w", resource.GroupResource(), err)
			}
			for _, object := range page.Items {
				if names.Has(types.NamespacedName{Namespace: object.Namespace, Name: object.Name}) {
					one.objects = append(one.objects, object)
				}
			}
			if options.Continue = page.Continue; options.Continue == "" {
				break
			}
		}
		if len(one.objects) > 0 {
			found = append(found, one)
		}
	}
	slices.SortFunc(found, func(a, b copied) int {
		if isLast := a.resource == namespacesResource; isLast != (b.resource == namespacesResource) {
			if isLast {
				return 1
			}
			return -1
		}
		return strings.Compare(a.resource.GroupResource().String(), b.resource.GroupResource().String())
	})
	return found, nil
}

// letGo takes the label off the copies.
func (m *member) letGo(ctx context.Context, copies []copied) error {
	for _, one := range copies {
		if m.dryRun {
			m.report.Done("%s: %s would be let go", m.Cluster, one)
			continue
		}
		m.report.Doing("%s: letting go %s", m.Cluster, one)
		if err := forEach(ctx, one.objects, func(ctx context.Context, object *metav1.PartialObjectMetadata) error {
			return m.unlabel(ctx, one.resource, object)
		}); err != nil {
			return fmt.Errorf("letting go the copies of %s: %w", one.resource.GroupResource(), err)
		}
		m.report.Done("%s: %s let go", m.Cluster, one)
	}
	return nil
}

func (m *member) unlabel(ctx context.Context, resource schema.GroupVersionResource, object *metav1.PartialObjectMetadata) error {
	// The UID makes it an error to meet another object of this name.
	patch := fmt.Sprintf(`{"metadata":{"uid":%q,"labels":{%q:null}}}`, object.UID, typesv1beta1.ManagedLabel)
	_, err := m.meta.Resource(resource).Namespace(object.Namespace).
		Patch(ctx, object.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: federation.FieldManager})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// remove deletes the copies. A namespace goes only when nothing else is in it; it
// is let go otherwise.
func (m *member) remove(ctx context.Context, copies []copied, hostNamespaces func(ctx context.Context, name string) (types.UID, error)) error {
	for _, one := range copies {
		if one.resource == namespacesResource {
			if err := m.removeNamespaces(ctx, one, hostNamespaces); err != nil {
				return err
			}
			continue
		}
		if m.dryRun {
			m.report.Done("%s: %s would be deleted", m.Cluster, one)
			continue
		}
		m.report.Doing("%s: deleting %s", m.Cluster, one)
		if err := forEach(ctx, one.objects, func(ctx context.Context, object *metav1.PartialObjectMetadata) error {
			return m.delete(ctx, one.resource, object)
		}); err != nil {
			return fmt.Errorf("deleting the copies of %s: %w", one.resource.GroupResource(), err)
		}
		m.report.Done("%s: %s deleted", m.Cluster, one)
	}
	return nil
}

func (m *member) delete(ctx context.Context, resource schema.GroupVersionResource, object *metav1.PartialObjectMetadata) error {
	background := metav1.DeletePropagationBackground
	err := m.meta.Resource(resource).Namespace(object.Namespace).Delete(ctx, object.Name, metav1.DeleteOptions{
		Preconditions: metav1.NewUIDPreconditions(string(object.UID)), PropagationPolicy: &background})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another one
	}
	return err
}

func (m *member) removeNamespaces(ctx context.Context, namespaces copied, hostNamespaces func(ctx context.Context, name string) (types.UID, error)) error {
	for i := range namespaces.objects {
		object := &namespaces.objects[i]
		uid, err := hostNamespaces(ctx, object.Name)
		if err != nil {
			return fmt.Errorf("reading namespace %q of the host: %w", object.Name, err)
		}
		if uid == object.UID {
			m.report.Note("%s: Namespace %s stays: it is that of the host", m.Cluster, object.Name)
			continue
		}
		if m.dryRun {
			m.report.Done("%s: Namespace %s would be deleted if nothing else is in it", m.Cluster, object.Name)
			continue
		}
		left, err := m.awaitEmpty(ctx, object.Name)
		if err != nil {
			return fmt.Errorf("looking for what is in namespace %q, which is therefore left: %w", object.Name, err)
		}
		if len(left) > 0 {
			if err := m.unlabel(ctx, namespacesResource, object); err != nil {
				return fmt.Errorf("letting go namespace %q: %w", object.Name, err)
			}
			m.report.Note("%s: Namespace %s stays: in it are %s", m.Cluster, object.Name, some(left))
			continue
		}
		if err := m.delete(ctx, namespacesResource, object); err != nil {
			return fmt.Errorf("deleting namespace %q: %w", object.Name, err)
		}
		m.report.Done("%s: Namespace %s deleted", m.Cluster, object.Name)
	}
	return nil
}

// awaitEmpty waits until nothing is in a namespace, and returns what is still
// there when that takes too long. Only a full answer counts: one that was cut off
// by the time is none.
func (m *member) awaitEmpty(ctx context.Context, name string) ([]string, error) {
	m.report.Doing("%s: waiting for Namespace %s to be empty", m.Cluster, name)
	deadline := time.Now().Add(emptyPatience)
	for {
		left, err := m.contents(ctx, name)
		if err != nil || len(left) == 0 || time.Now().After(deadline) {
			return left, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// forEach works on several objects at a time. What fails does not stop the others.
func forEach(ctx context.Context, objects []metav1.PartialObjectMetadata, do func(context.Context, *metav1.PartialObjectMetadata) error) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	var mu sync.Mutex
	var failed []error
	for i := range objects {
		group.Go(func() error {
			if err := do(ctx, &objects[i]); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("%s/%s: %w", objects[i].Namespace, objects[i].Name, err))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return errors.Join(failed...)
}
