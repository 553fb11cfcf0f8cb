package federatedtypes

import (
	"errors"
	"fmt"
	"net/http"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericapi "k8s.io/apiserver/pkg/endpoints"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/kube-openapi/pkg/validation/spec"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/template"
)

// Reasons of the condition SchemaTyped.
const (
	// ReasonSchemaFound means that templates are checked by the target's schema.
	ReasonSchemaFound = "SchemaFound"
	// ReasonSchemaNotPublished means that the host publishes no schema of the target.
	ReasonSchemaNotPublished = "SchemaNotPublished"
	// ReasonSchemaUnusable means that the schema of the target cannot be worked with.
	ReasonSchemaUnusable = "SchemaUnusable"
	// ReasonHostUnavailable means that the host did not answer.
	ReasonHostUnavailable = "HostUnavailable"
)

// SchemaState says whether templates are checked by the target's schema.
type SchemaState struct {
	// Typed is false while templates are free-form.
	Typed bool
	// Reason is a CamelCase word, Message the same in words.
	Reason, Message string
}

// servedSchema is what depends on the schema of the target. It is replaced as a
// whole; requests that began with the one before end with it.
type servedSchema struct {
	state     SchemaState
	template  *template.Schema
	names     kindNames
	own       map[string]*spec.Schema
	scales    bool
	resources []apidiscoveryv2.APIResourceDiscovery
	handler   http.Handler
}

// serve builds what serves kind with what the host says about its target.
func (s *Server) serve(kind *Kind, target TargetInfo, hostErr error) (*servedSchema, error) {
	served := &servedSchema{names: namesOf(kind.kind.Kind, target)}
	switch {
	case hostErr != nil:
		served.state = SchemaState{Reason: ReasonHostUnavailable, Message: fmt.Sprintf("Templates are not checked yet: %v", hostErr)}
	case target.Schema == nil:
		served.state = SchemaState{Reason: ReasonSchemaNotPublished, Message: "Templates are not checked: the host publishes no schema of the target type"}
	}

	converter, err := s.typed(kind, served, target.Schema)
	if err != nil {
		served.state = SchemaState{Reason: ReasonSchemaUnusable, Message: fmt.Sprintf("Templates are not checked: %v", err)}
		if converter, err = s.typed(kind, served, nil); err != nil {
			return nil, err
		}
	}
	if served.template != nil {
		served.state = SchemaState{Typed: true, Reason: ReasonSchemaFound, Message: "Templates are checked by the target's own schema"}
	}
	return served, s.install(kind, served, converter)
}

// typed fills in what comes from the schema of the target, and returns the
// converter for server-side apply.
func (s *Server) typed(kind *Kind, served *servedSchema, target *TargetSchema) (*typeConverter, error) {
	served.template = nil
	if target != nil {
		compiled, err := template.Compile(templateSchema(target), target.Components)
		if err != nil {
			return nil, err
		}
		served.template = compiled
	}
	served.scales = served.template != nil && served.template.HasReplicas()
	served.own = s.definitions.forKind(kind.kind.Kind, target)
	return newTypeConverter(kind.kind.Kind, s.definitions.base, served.own, served.template, ownsAtomically(kind.TypeConfig()))
}

func ownsAtomically(config *corev1beta1.FederatedTypeConfig) bool {
	ownership := config.Spec.TemplateOwnership
	return ownership != nil && *ownership == corev1beta1.TemplateOwnershipAtomic
}

// install makes the routes of the kind, in a container of their own.
func (s *Server) install(kind *Kind, served *servedSchema, converter *typeConverter) error {
	gv := kind.kind.GroupVersion()
	scheme := kind.storage.scheme
	resource := kind.resource.Resource
	storage := map[string]rest.Storage{
		resource:             &objectREST{Store: kind.storage.main, kind: kind, storage: kind.storage, names: served.names},
		resource + "/status": &statusREST{storage: kind.storage},
	}
	if served.scales {
		storage[resource+"/scale"] = &scaleREST{kind: kind, storage: kind.storage}
	}
	group := &genericapi.APIGroupVersion{
		Root:                       genericapiserver.APIGroupPrefix,
		GroupVersion:               gv,
		Storage:                    storage,
		OptionsExternalVersion:     &schema.GroupVersion{Version: "v1"},
		Serializer:                 newNegotiatedSerializer(kind.storage.codecs, served.template),
		ParameterCodec:             runtime.NewParameterCodec(scheme),
		Creater:                    scheme,
		Convertor:                  scheme,
		ConvertabilityChecker:      scheme,
		UnsafeConvertor:            runtime.UnsafeObjectConvertor(scheme),
		Defaulter:                  scheme,
		Typer:                      scheme,
		Namer:                      runtime.Namer(meta.NewAccessor()),
		TypeConverter:              converter,
		EquivalentResourceRegistry: runtime.NewEquivalentResourceRegistry(),
		Admit:                      s.config.Admission,
		Authorizer:                 s.config.Authorizer,
		MinRequestTimeout:          s.config.MinRequestTimeout,
		MaxRequestBodyBytes:        s.config.MaxRequestBodyBytes,
	}
	same := func(h http.Handler) http.Handler { return h }
	handler := genericapiserver.NewAPIServerHandler(resource, group.Serializer, same, http.HandlerFunc(notFound))
	resources, _, err := group.InstallREST(handler.GoRestfulContainer)
	if err != nil {
		return fmt.Errorf("install the routes of %s: %w", kind.resource.GroupResource(), err)
	}
	if len(resources) == 0 {
		return errors.New("no routes were installed for " + resource)
	}
	served.resources = resources
	served.handler = refuseStrategicMergePatch(handler.Director)
	return nil
}

// Schema says whether templates of the kind are checked by the target's schema.
func (k *Kind) Schema() SchemaState {
	return k.served.Load().state
}
