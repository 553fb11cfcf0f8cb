package federatedtypes

import (
	"context"
	"fmt"
	"math"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// scaleREST serves /scale: replicas of the template as asked for, and the sum of
// the members' replicas as far as they are known.
type scaleREST struct {
	kind    *Kind
	storage *kindStorage
}

var (
	_ rest.Patcher                  = &scaleREST{}
	_ rest.GroupVersionKindProvider = &scaleREST{}
	_ rest.TableConvertor           = &scaleREST{}
)

// replicasInParent tells where a federated object has what a Scale has at
// spec.replicas.
var replicasInParent = managedfields.ResourcePathMappings{
	typesv1beta1.SchemeGroupVersion.String(): fieldpath.MakePathOrDie("spec", "template", "spec", "replicas"),
}

// New returns an empty Scale.
func (r *scaleREST) New() runtime.Object { return &autoscalingv1.Scale{} }

// Destroy leaves the storage alone: it outlives what serves it.
func (r *scaleREST) Destroy() {}

// GroupVersionKind is Scale whatever the parent's is.
func (r *scaleREST) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return autoscalingv1.SchemeGroupVersion.WithKind("Scale")
}

// ConvertToTable makes the table that kubectl prints.
func (r *scaleREST) ConvertToTable(ctx context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return rest.NewDefaultTableConvertor(r.kind.resource.GroupResource()).ConvertToTable(ctx, obj, options)
}

// Get reads the scale of an object.
func (r *scaleREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	obj, err := r.storage.main.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return scaleOf(obj.(*typesv1beta1.FederatedObject))
}

// Update sets the replicas of the template.
func (r *scaleREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	scaling := &scaleInfo{info: info, kind: r.kind, name: name}
	updated, _, err := r.storage.updateForUser(ctx, r.storage.main, name, scaling,
		scaledCreate(create), scaledUpdate(update), false, options)
	if err != nil {
		return nil, false, err
	}
	scale, err := scaleOf(updated.(*typesv1beta1.FederatedObject))
	return scale, false, err
}

// scaledCreate and scaledUpdate show Scales to admission, not their parents.
func scaledCreate(validate rest.ValidateObjectFunc) rest.ValidateObjectFunc {
	return func(ctx context.Context, obj runtime.Object) error {
		scale, err := scaleOf(obj.(*typesv1beta1.FederatedObject))
		if err != nil {
			return err
		}
		return validate(ctx, scale)
	}
}

func scaledUpdate(validate rest.ValidateObjectUpdateFunc) rest.ValidateObjectUpdateFunc {
	return func(ctx context.Context, obj, old runtime.Object) error {
		scale, err := scaleOf(obj.(*typesv1beta1.FederatedObject))
		if err != nil {
			return err
		}
		oldScale, err := scaleOf(old.(*typesv1beta1.FederatedObject))
		if err != nil {
			return err
		}
		return validate(ctx, scale, oldScale)
	}
}

// scaleInfo turns an update of a Scale into one of its parent.
type scaleInfo struct {
	info rest.UpdatedObjectInfo
	kind *Kind
	name string
}

func (i *scaleInfo) Preconditions() *metav1.Preconditions {
	return i.info.Preconditions()
}

func (i *scaleInfo) UpdatedObject(ctx context.Context, old runtime.Object) (runtime.Object, error) {
	parent := old.(*typesv1beta1.FederatedObject)
	if parent.UID == "" {
		return nil, apierrors.NewNotFound(i.kind.resource.GroupResource(), i.name)
	}
	before, err := scaleOf(parent)
	if err != nil {
		return nil, err
	}
	ownership := managedfields.NewScaleHandler(parent.ManagedFields, i.kind.kind.GroupVersion(), replicasInParent)
	if before.ManagedFields, err = ownership.ToSubresource(); err != nil {
		return nil, fmt.Errorf("read who owns the replicas: %w", err)
	}

	obj, err := i.info.UpdatedObject(ctx, before)
	if err != nil {
		return nil, err
	}
	scale, ok := obj.(*autoscalingv1.Scale)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected a Scale, got %T", obj))
	}
	if err := i.check(scale, parent); err != nil {
		return nil, err
	}

	result := parent.DeepCopy()
	content, err := decodeTemplate(parent.Spec.Template)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if err := unstructured.SetNestedField(content, int64(scale.Spec.Replicas), "spec", "replicas"); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s: %v", templatePath, err))
	}
	result.Spec.Template = encodeTemplate(content)
	// A Scale without version is of whatever is stored: it says all that it changes.
	if scale.ResourceVersion != "" {
		result.ResourceVersion = scale.ResourceVersion
	}
	if scale.UID != "" {
		result.UID = scale.UID
	}
	if result.ManagedFields, err = ownership.ToParent(scale.ManagedFields); err != nil {
		return nil, fmt.Errorf("record who owns the replicas: %w", err)
	}
	return result, nil
}

func (i *scaleInfo) check(scale *autoscalingv1.Scale, parent *typesv1beta1.FederatedObject) error {
	var errs field.ErrorList
	if scale.Spec.Replicas < 0 {
		errs = append(errs, field.Invalid(field.NewPath("spec", "replicas"), scale.Spec.Replicas, "must not be negative"))
	}
	if scale.Name != parent.Name {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), scale.Name, fmt.Sprintf("must be %q", parent.Name)))
	}
	if len(errs) > 0 {
		return apierrors.NewInvalid(autoscalingv1.SchemeGroupVersion.WithKind("Scale").GroupKind(), i.name, errs)
	}
	return nil
}

// replicated is the part of a template that a Scale shows.
type replicated struct {
	Spec struct {
		Replicas *int32                `json:"replicas"`
		Selector *metav1.LabelSelector `json:"selector"`
	} `json:"spec"`
}

func scaleOf(obj *typesv1beta1.FederatedObject) (*autoscalingv1.Scale, error) {
	var template replicated
	if err := decodeReplicated(obj.Spec.Template.Raw, &template); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s has no scale: %v", templatePath, err))
	}
	scale := &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{
			Name:              obj.Name,
			Namespace:         obj.Namespace,
			UID:               obj.UID,
			ResourceVersion:   obj.ResourceVersion,
			CreationTimestamp: obj.CreationTimestamp,
		},
	}
	scale.Spec.Replicas = 1
	if template.Spec.Replicas != nil {
		scale.Spec.Replicas = *template.Spec.Replicas
	}
	if template.Spec.Selector != nil {
		selector, err := metav1.LabelSelectorAsSelector(template.Spec.Selector)
		if err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("%s.spec.selector: %v", templatePath, err))
		}
		scale.Status.Selector = selector.String()
	}
	scale.Status.Replicas = int32(min(obj.Status.Replicas, math.MaxInt32))
	return scale, nil
}

func decodeReplicated(raw []byte, into *replicated) error {
	if len(raw) == 0 {
		return nil
	}
	return utiljson.Unmarshal(raw, into)
}
