package static

import (
	"context"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	typesvalidation "github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

// strategy holds the rules for creating, updating and deleting objects.
type strategy[T Object] struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind Kind[T]
}

func newStrategy[T Object](kind Kind[T], typer runtime.ObjectTyper) strategy[T] {
	return strategy[T]{ObjectTyper: typer, NameGenerator: names.SimpleNameGenerator, kind: kind}
}

// NamespaceScoped is true.
func (strategy[T]) NamespaceScoped() bool { return true }

// AllowCreateOnUpdate is false: a PUT does not create.
func (strategy[T]) AllowCreateOnUpdate(context.Context) bool { return false }

// AllowUnconditionalUpdate is false: an update says which version it is of.
func (strategy[T]) AllowUnconditionalUpdate(context.Context) bool { return false }

// GetResetFields names what a write to the resource itself leaves alone.
func (s strategy[T]) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	if s.kind.KeepStatus == nil {
		return nil
	}
	return s.resetFields(fieldpath.MakePathOrDie("status"))
}

func (s strategy[T]) resetFields(paths ...fieldpath.Path) map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(s.kind.Version.String()): fieldpath.NewSet(paths...),
	}
}

// PrepareForCreate drops the status, which is not the client's to write here.
func (s strategy[T]) PrepareForCreate(_ context.Context, obj runtime.Object) {
	created := obj.(T)
	if s.kind.KeepStatus != nil {
		s.kind.KeepStatus(created, s.kind.New())
	}
	created.SetGeneration(1)
	if s.kind.Begin != nil {
		s.kind.Begin(created, metav1.Now().Rfc3339Copy())
	}
}

// Words of the condition Ready of an object that has not been looked at.
const (
	ReadyCondition = "Ready"
	ReasonUnseen   = "Progressing"
	MessageUnseen  = "the object has not been looked at yet"
)

// Unseen are the conditions of such an object.
func Unseen(created metav1.Time) []metav1.Condition {
	return []metav1.Condition{{
		Type: ReadyCondition, Status: metav1.ConditionUnknown, ObservedGeneration: 1, LastTransitionTime: created,
		Reason: ReasonUnseen, Message: MessageUnseen,
	}}
}

// PrepareForUpdate keeps the status, and counts changes of what is asked for.
func (s strategy[T]) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	updated, stored := obj.(T), old.(T)
	if s.kind.KeepStatus != nil {
		s.kind.KeepStatus(updated, stored)
	}
	if !apiequality.Semantic.DeepEqual(s.kind.Desired(updated), s.kind.Desired(stored)) {
		updated.SetGeneration(stored.GetGeneration() + 1)
	}
}

// Validate validates a new object.
func (s strategy[T]) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	created := obj.(T)
	return append(s.kind.Validate(created), validateFinalizers(created.GetFinalizers(), nil)...)
}

// ValidateUpdate validates a changed object.
func (s strategy[T]) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	updated, stored := obj.(T), old.(T)
	errs := validateFinalizers(updated.GetFinalizers(), stored.GetFinalizers())
	if s.kind.ValidateUpdate == nil {
		return append(errs, s.kind.Validate(updated)...)
	}
	return append(errs, s.kind.ValidateUpdate(updated, stored)...)
}

func validateFinalizers(finalizers, old []string) field.ErrorList {
	return typesvalidation.ValidateFinalizers(finalizers, old, field.NewPath("metadata", "finalizers"))
}

// WarningsOnCreate tells what is allowed and unlikely to be meant.
func (s strategy[T]) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	if s.kind.Warnings == nil {
		return nil
	}
	return s.kind.Warnings(obj.(T))
}

// WarningsOnUpdate tells what is allowed and unlikely to be meant.
func (s strategy[T]) WarningsOnUpdate(ctx context.Context, obj, _ runtime.Object) []string {
	return s.WarningsOnCreate(ctx, obj)
}

// Canonicalize has nothing to do.
func (strategy[T]) Canonicalize(runtime.Object) {}

// statusStrategy holds the rules for updating the status subresource.
type statusStrategy[T Object] struct {
	strategy[T]
}

// GetResetFields names what a write to the status leaves alone.
func (s statusStrategy[T]) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return s.resetFields(
		fieldpath.MakePathOrDie("spec"),
		fieldpath.MakePathOrDie("metadata", "labels"),
		fieldpath.MakePathOrDie("metadata", "annotations"),
		fieldpath.MakePathOrDie("metadata", "finalizers"),
		fieldpath.MakePathOrDie("metadata", "ownerReferences"),
	)
}

// PrepareForUpdate keeps everything but the status.
func (s statusStrategy[T]) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	updated, stored := obj.(T), old.(T)
	s.kind.KeepDesired(updated, stored)
	metav1.ResetObjectMetaForStatus(updated, stored)
}

// ValidateUpdate validates the status.
func (s statusStrategy[T]) ValidateUpdate(_ context.Context, obj, _ runtime.Object) field.ErrorList {
	if s.kind.ValidateStatus == nil {
		return nil
	}
	return s.kind.ValidateStatus(obj.(T))
}

// WarningsOnUpdate has none: who reports the status did not write the spec.
func (statusStrategy[T]) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}
