package join

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
)

// object is what bring can make.
type object interface {
	metav1.Object
}

// client is that of one kind.
type client[T object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
	Update(ctx context.Context, object T, options metav1.UpdateOptions) (T, error)
}

// ensure reports what do makes.
func (m *member) ensure(kind, name string, do func() (created bool, err error)) error {
	m.report.Doing("%s: creating %s %s", m.Cluster, kind, name)
	created, err := do()
	if err != nil {
		return fmt.Errorf("%s %q: %w", kind, name, err)
	}
	verb := "is up to date"
	if created {
		verb = "created"
	}
	m.report.Done("%s: %s %s %s", m.Cluster, kind, name, verb)
	return nil
}

// bring creates wanted, or updates what is there by update, which changes its
// argument and says whether it did. What join did not make is an error, unless it
// may be taken over.
func bring[T object](ctx context.Context, c client[T], wanted T, takeOver bool, update func(T) bool) (created bool, err error) {
	err = retry.OnError(retry.DefaultRetry, func(err error) bool {
		return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
	}, func() error {
		existing, err := c.Get(ctx, wanted.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			created = true
			_, err = c.Create(ctx, wanted, metav1.CreateOptions{FieldManager: membership.ManagedBy})
			return err
		}
		if err != nil {
			return err
		}
		created = false
		if !membership.IsOurs(existing) && !takeOver {
			return fmt.Errorf("it exists and was not made by join (it has no label %s=%s); remove it, or take it over with --error-on-existing=false", membership.ManagedByLabel, membership.ManagedBy)
		}
		changed := update(existing)
		if !membership.IsOurs(existing) {
			labels := existing.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			labels[membership.ManagedByLabel] = membership.ManagedBy
			existing.SetLabels(labels)
			changed = true
		}
		if !changed {
			return nil
		}
		_, err = c.Update(ctx, existing, metav1.UpdateOptions{FieldManager: membership.ManagedBy})
		return err
	})
	return created, err
}
