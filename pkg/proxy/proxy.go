// Package proxy hands the requests to KubeFedCluster/proxy on to the API of the
// member, under the name of the user who sent them.
//
// The member knows the federation by its own credentials, and lets it act as the
// user; what the user presented to the host goes no further. So the rights of a
// user in a member are what the member says, and its audit log names both.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/transport"

	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// Options are what a Proxy works with.
type Options struct {
	// Namespace is the system namespace: only its KubeFedClusters are members.
	Namespace string
	// Secret returns a Secret of that namespace in the host, nil when there is none.
	Secret func(ctx context.Context, name string) (*corev1.Secret, error)
	// WithheldGroups are groups of the host that its users do not have in members.
	WithheldGroups []string
	// Forbidden are addresses to which no connection is made.
	Forbidden members.Addresses
	// Serializer encodes errors.
	Serializer runtime.NegotiatedSerializer
}

// Proxy hands requests on to members.
type Proxy struct {
	namespace  string
	secret     func(ctx context.Context, name string) (*corev1.Secret, error)
	withheld   sets.Set[string]
	serializer runtime.NegotiatedSerializer
	passages   *members.Passages
}

// New returns a Proxy.
func New(o Options) *Proxy {
	return &Proxy{
		namespace: o.Namespace, secret: o.Secret, withheld: sets.New(o.WithheldGroups...),
		serializer: o.Serializer, passages: members.NewPassages(members.Options{Forbidden: o.Forbidden}),
	}
}

// Close closes idle connections.
func (p *Proxy) Close() { p.passages.Close() }

// Forget closes the idle connections to a cluster that is no member any more.
func (p *Proxy) Forget(name string) { p.passages.Forget(name) }

// Handler answers requests with what the member of that cluster answers.
func (p *Proxy) Handler(ctx context.Context, cluster *v1beta1.KubeFedCluster) (http.Handler, error) {
	if cluster.Namespace != p.namespace {
		// Its Secret is one of the system namespace: another member's credentials.
		return nil, apierrors.NewBadRequest(fmt.Sprintf("cluster %s is no member: members are in namespace %s", cluster.Name, p.namespace))
	}
	caller, err := p.caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := reachable(cluster); err != nil {
		return nil, err
	}
	secret, err := p.secret(ctx, cluster.Spec.SecretRef.Name)
	if err != nil {
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("the credentials for cluster %s cannot be read from the host: %v", cluster.Name, err))
	}
	passage, err := p.passages.To(cluster, secret)
	if err != nil {
		return nil, statusOf(cluster.Name, err)
	}
	return &handler{Proxy: p, cluster: cluster.Name, passage: passage, caller: caller}, nil
}

// caller is the user of a request as the host says who he is.
func (p *Proxy) caller(ctx context.Context) (members.Caller, error) {
	user, ok := genericapirequest.UserFrom(ctx)
	if !ok {
		return members.Caller{}, apierrors.NewUnauthorized("the user is not known")
	}
	id, _ := audit.AuditIDFrom(ctx)
	caller := members.Caller{
		ImpersonationConfig: transport.ImpersonationConfig{
			UserName: user.GetName(),
			UID:      user.GetUID(),
			Groups:   slices.DeleteFunc(slices.Clone(user.GetGroups()), p.withheld.Has),
			Extra:    user.GetExtra(),
		},
		AuditID: string(id),
	}
	if err := caller.Validate(); err != nil {
		return caller, apierrors.NewBadRequest(fmt.Sprintf("you cannot be named in a member as the host names you: %v", err))
	}
	return caller, nil
}

// handler hands requests of one caller on to one member.
type handler struct {
	*Proxy
	cluster string
	passage *members.Passage
	caller  members.Caller
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path, err := pathIn(req)
	if err != nil {
		h.refuse(w, req, err)
		return
	}
	target := h.passage.URL(path, originalQuery(req))
	defer func() {
		// A client that ended its watch is no news; nobody reads what follows.
		r := recover()
		if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) && req.Context().Err() != nil {
			return
		}
		if r != nil {
			panic(r)
		}
	}()
	proxy := httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL, r.Out.Host = target, ""
			// The member's audit log shows where a request came from.
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			utilnet.AppendForwardedForHeader(r.Out)
		},
		Transport:      h.passage.As(h.caller),
		FlushInterval:  -1,
		ModifyResponse: h.examine,
		ErrorHandler:   h.refuse,
	}
	proxy.ServeHTTP(w, req)
}

// refuse answers with an error, as a Status.
func (h *handler) refuse(w http.ResponseWriter, req *http.Request, err error) {
	if req.Context().Err() != nil {
		return // nobody reads it
	}
	if req.Header.Get("Upgrade") != "" {
		// Whatever the user sent after it was for the other protocol.
		w.Header().Set("Connection", "close")
	}
	responsewriters.ErrorNegotiated(statusOf(h.cluster, err), h.serializer, schema.GroupVersion{}, w, req)
}
