package federatedtypes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/apiserver/pkg/storage/value"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// stream reads the objects of all kinds as one sequence, in the order in which
// they were written. The kinds' own watches cannot be put together to one: each
// is in order, but none says how far the others are, and a watcher that resumes
// from the version of one kind would miss what another had not sent yet.
type stream struct {
	storage storage.Interface
	prefix  string
	destroy factory.DestroyFunc
}

func newStream(options generic.RESTOptionsGetter) (*stream, error) {
	group := schema.GroupResource{Group: typesv1beta1.GroupName, Resource: "*"}
	opened, err := options.GetRESTOptions(group, &typesv1beta1.FederatedObject{})
	if err != nil {
		return nil, fmt.Errorf("open the storage of all federated types: %w", err)
	}
	prefix := "/" + typesv1beta1.GroupName
	config := *opened.StorageConfig
	config.Codec = streamCodec{}
	config.Transformer = &streamTransformer{options: options, prefix: config.Prefix + prefix + "/"}
	raw, destroy, err := generic.NewRawStorage(&config,
		func() runtime.Object { return &typesv1beta1.FederatedObject{} },
		func() runtime.Object { return &typesv1beta1.FederatedObjectList{} }, prefix)
	if err != nil {
		return nil, fmt.Errorf("open the storage of all federated types: %w", err)
	}
	return &stream{storage: raw, prefix: prefix, destroy: destroy}, nil
}

// watch watches the objects of all kinds. The kind in their TypeMeta is the
// resource that they are stored under.
func (s *stream) watch(ctx context.Context, options storage.ListOptions) (watch.Interface, error) {
	options.Recursive = true
	return s.storage.Watch(ctx, s.prefix+"/", options)
}

// streamTransformer decrypts an object as its own resource is, and puts the name
// of the resource before it: nothing else says under which one it is stored.
type streamTransformer struct {
	options generic.RESTOptionsGetter
	prefix  string
}

var errReadOnly = errors.New("the stream of all federated types cannot be written to")

const streamSeparator = '\n'

func (t *streamTransformer) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	key := string(dataCtx.AuthenticatedData())
	rest, ok := strings.CutPrefix(key, t.prefix)
	resource, _, separated := strings.Cut(rest, "/")
	if !ok || !separated {
		return nil, false, fmt.Errorf("%q is not the key of a federated object", key)
	}
	options, err := t.options.GetRESTOptions(schema.GroupResource{Group: typesv1beta1.GroupName, Resource: resource}, &typesv1beta1.FederatedObject{})
	if err != nil {
		return nil, false, fmt.Errorf("options of the storage of %s: %w", resource, err)
	}
	if transformer := options.StorageConfig.Transformer; transformer != nil {
		if data, _, err = transformer.TransformFromStorage(ctx, data, dataCtx); err != nil {
			return nil, false, err
		}
	}
	return bytes.Join([][]byte{[]byte(resource), data}, []byte{streamSeparator}), false, nil
}

func (t *streamTransformer) TransformToStorage(context.Context, []byte, value.Context) ([]byte, error) {
	return nil, errReadOnly
}

// streamCodec decodes what streamTransformer has read.
type streamCodec struct{}

func (streamCodec) Decode(data []byte, _ *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	resource, content, _ := bytes.Cut(data, []byte{streamSeparator})
	obj, ok := into.(*typesv1beta1.FederatedObject)
	if !ok {
		obj = &typesv1beta1.FederatedObject{}
	}
	if err := decodeStored(content, obj); err != nil {
		return nil, nil, fmt.Errorf("decode a stored object of %s: %w", resource, err)
	}
	obj.TypeMeta = metav1.TypeMeta{Kind: string(resource)}
	gvk := typesv1beta1.SchemeGroupVersion.WithKind(obj.Kind)
	return obj, &gvk, nil
}

func (streamCodec) Encode(runtime.Object, io.Writer) error {
	return errReadOnly
}

// Identifier tells codecs apart.
func (streamCodec) Identifier() runtime.Identifier { return "federatedtypes.stream" }
