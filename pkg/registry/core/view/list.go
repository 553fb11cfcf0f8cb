package view

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/storage"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// position is where the next page of a list begins. A list reads one kind after
// the other, all of them at the resource version of its first page.
type position struct {
	ResourceVersion string `json:"rv"`
	// Resource is the kind that is being read, Continue its own continue token.
	Resource string `json:"resource"`
	Continue string `json:"continue,omitempty"`
}

func (p position) token() string {
	// A struct of strings can always be encoded.
	encoded, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(encoded)
}

func parseToken(token string) (position, error) {
	var p position
	decoded, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(decoded, &p)
	}
	if err != nil || p.ResourceVersion == "" || p.Resource == "" {
		return position{}, apierrors.NewBadRequest("the continue token is not one of this resource")
	}
	return p, nil
}

// List computes the objects in the namespace of ctx, or all. What it shows is the
// state of all federated types at one moment, with a limit too.
func (r *REST) List(ctx context.Context, options *metainternalversion.ListOptions) (runtime.Object, error) {
	if options == nil {
		options = &metainternalversion.ListOptions{}
	}
	kinds, err := r.kinds()
	if err != nil {
		return nil, err
	}
	at, err := r.start(ctx, kinds, options)
	if err != nil {
		return nil, err
	}
	page := &page{rest: r, matches: matcher(options), limit: options.Limit, namespace: request.NamespaceValue(ctx)}
	next := ""
	if at.Resource != "" {
		from := slices.IndexFunc(kinds, func(kind *federatedtypes.Kind) bool { return kind.Resource().Resource == at.Resource })
		if from < 0 {
			return nil, apierrors.NewResourceExpired(fmt.Sprintf("%s are not served any more: list again", at.Resource))
		}
		if next, err = page.fill(ctx, kinds[from:], at); err != nil {
			return nil, err
		}
	}
	list := r.NewList()
	r.definition.Append(list, page.items)
	metadata, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	metadata.SetResourceVersion(at.ResourceVersion)
	metadata.SetContinue(next)
	return list, nil
}

// exact reports whether a list shall be of the very version that it names. With a
// limit and without a word on it, that has always been meant.
func exact(options *metainternalversion.ListOptions) bool {
	switch options.ResourceVersionMatch {
	case metav1.ResourceVersionMatchExact:
		return true
	case "":
		return options.Limit > 0 && options.ResourceVersion != "" && options.ResourceVersion != "0"
	}
	return false
}

// start says where a list begins and at which resource version. A version that is
// asked for exactly is taken; else it is that of now, and not older than asked for.
func (r *REST) start(ctx context.Context, kinds []*federatedtypes.Kind, options *metainternalversion.ListOptions) (position, error) {
	if options.Continue != "" {
		return parseToken(options.Continue)
	}
	var at position
	if len(kinds) > 0 {
		at.Resource = kinds[0].Resource().Resource
	}
	if exact(options) {
		at.ResourceVersion = options.ResourceVersion
		return at, nil
	}
	wanted, err := storage.APIObjectVersioner{}.ParseResourceVersion(options.ResourceVersion)
	if err != nil {
		return at, apierrors.NewBadRequest(err.Error())
	}
	now, err := r.types.ResourceVersion(ctx)
	if err != nil {
		return at, err
	}
	if wanted > now {
		return at, storage.NewTooLargeResourceVersionError(wanted, now, 1)
	}
	at.ResourceVersion = strconv.FormatUint(now, 10)
	return at, nil
}

// page is a page of a list while it is being filled.
type page struct {
	rest      *REST
	matches   func(namespace, name string) bool
	limit     int64
	namespace string
	items     []runtime.Object
}

// fill reads kinds from at on, until the page is full or nothing is left, and
// returns the token of the next page.
func (p *page) fill(ctx context.Context, kinds []*federatedtypes.Kind, at position) (string, error) {
	for i, kind := range kinds {
		inner := ""
		if i == 0 {
			inner = at.Continue
		}
		for more := true; more; more = inner != "" {
			if p.full() {
				return position{ResourceVersion: at.ResourceVersion, Resource: kind.Resource().Resource, Continue: inner}.token(), nil
			}
			list, err := kind.List(ctx, p.namespace, p.options(at.ResourceVersion, inner))
			if err != nil {
				return "", withoutToken(err)
			}
			if err := p.add(kind, list); err != nil {
				return "", err
			}
			inner = list.Continue
		}
	}
	return "", nil
}

func (p *page) full() bool { return p.limit > 0 && int64(len(p.items)) >= p.limit }

func (p *page) options(version, inner string) *metainternalversion.ListOptions {
	options := &metainternalversion.ListOptions{Continue: inner}
	if inner == "" {
		options.ResourceVersion, options.ResourceVersionMatch = version, metav1.ResourceVersionMatchExact
	}
	if p.limit > 0 {
		options.Limit = p.limit - int64(len(p.items))
	}
	return options
}

func (p *page) add(kind *federatedtypes.Kind, list *typesv1beta1.FederatedObjectList) error {
	prefix := p.rest.definition.Prefix(kind.TypeConfig())
	for i := range list.Items {
		obj := &list.Items[i]
		if !p.matches(obj.Namespace, prefix+obj.Name) {
			continue
		}
		computed, err := p.rest.compute(kind, obj)
		if err != nil {
			return err
		}
		p.items = append(p.items, computed)
	}
	return nil
}

// withoutToken takes the continue token of a kind from its error: it would not be
// understood here.
func withoutToken(err error) error {
	if apierrors.IsResourceExpired(err) {
		return apierrors.NewResourceExpired("the list is too old: list again")
	}
	return err
}

// matcher selects by label and field. The objects have no labels.
func matcher(options *metainternalversion.ListOptions) func(namespace, name string) bool {
	label, field := labels.Everything(), fields.Everything()
	if options.LabelSelector != nil {
		label = options.LabelSelector
	}
	if options.FieldSelector != nil {
		field = options.FieldSelector
	}
	return func(namespace, name string) bool {
		return label.Matches(labels.Set{}) && field.Matches(fields.Set{"metadata.name": name, "metadata.namespace": namespace})
	}
}
