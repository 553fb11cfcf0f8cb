package unjoin

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
	"github.com/kubefederation/federation-apiserver/pkg/cli/progress"
)

// deletion deletes, or says what it would.
type deletion struct {
	dryRun bool
	report *progress.Reporter
}

// client is that of one kind.
type client[T metav1.Object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
}

// ours deletes an object that join made, and no other.
func ours[T metav1.Object](ctx context.Context, d deletion, where, kind, name string, c client[T]) error {
	return remove(ctx, d, where, kind, name, c, membership.IsOurs, fmt.Sprintf("it was not made by join (it has no label %s=%s)", membership.ManagedByLabel, membership.ManagedBy))
}

// remove deletes an object if may says so; else it stays, for a reason.
func remove[T metav1.Object](ctx context.Context, d deletion, where, kind, name string, c client[T], may func(metav1.Object) bool, reason string) error {
	d.report.Doing("%s: deleting %s %s", where, kind, name)
	object, err := c.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		d.report.Done("%s: %s %s is not there", where, kind, name)
		return nil
	case err != nil:
		return fmt.Errorf("%s %q: %w", kind, name, err)
	case !may(object):
		d.report.Note("%s: %s %s stays: %s", where, kind, name, reason)
		return nil
	case d.dryRun:
		d.report.Done("%s: %s %s would be deleted", where, kind, name)
		return nil
	}
	uid := object.GetUID()
	err = c.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("%s %q: %w", kind, name, err)
	}
	d.report.Done("%s: %s %s deleted", where, kind, name)
	return nil
}
