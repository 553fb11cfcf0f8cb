// Package server puts the server together: which APIs are served, from which
// storage, and which controllers start when.
package server

import (
	"context"
	"fmt"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"

	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/proxy"
	"github.com/kubefederation/federation-apiserver/pkg/registry/core"
	"github.com/kubefederation/federation-apiserver/pkg/registry/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/pkg/registry/scheduling"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
)

// Server serves the API and runs the controllers.
type Server struct {
	generic *genericapiserver.GenericAPIServer
}

// New makes a server from a completed configuration.
func (c CompletedConfig) New() (*Server, error) {
	generic, err := c.Generic.New("federation-apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("make API server: %w", err)
	}
	host, err := kubernetes.NewForConfig(c.Federation.Host)
	if err != nil {
		return nil, fmt.Errorf("client of the host cluster: %w", err)
	}
	clusters, err := newKnownClusters(generic.LoopbackClientConfig, c.Federation.Namespace)
	if err != nil {
		return nil, err
	}
	types, err := c.installTypes(generic, host, clusters)
	if err != nil {
		return nil, err
	}
	known := newCredentials(host, c.Federation.Namespace)
	memberProxy := proxy.New(proxy.Options{
		Namespace: c.Federation.Namespace, Secret: known.secret,
		WithheldGroups: c.Federation.WithheldGroups, Forbidden: c.Federation.ForbiddenMembers, Serializer: Codecs,
	})
	generic.RegisterDestroyFunc(memberProxy.Close)
	if err := c.installStaticGroups(generic, types, memberProxy); err != nil {
		return nil, err
	}
	controllers, err := c.newControllers(generic.LoopbackClientConfig, host, types)
	if err != nil {
		return nil, err
	}
	controllers.clusters, controllers.credentials = clusters, known
	if err := controllers.install(generic); err != nil {
		return nil, err
	}
	return &Server{generic: generic}, nil
}

// installStaticGroups serves the groups whose kinds are always there, and what is
// computed from the objects of types. Requests to members go to memberProxy.
func (c CompletedConfig) installStaticGroups(generic *genericapiserver.GenericAPIServer, types *federatedtypes.Server, memberProxy core.MemberProxy) error {
	provider := static.Provider{Scheme: Scheme, Codecs: Codecs, RESTOptionsGetter: c.Generic.RESTOptionsGetter}
	var groups []*genericapiserver.APIGroupInfo
	for _, newGroup := range []func(static.Provider) (*genericapiserver.APIGroupInfo, error){
		func(provider static.Provider) (*genericapiserver.APIGroupInfo, error) {
			group, err := core.NewGroup(provider)
			if err != nil {
				return nil, err
			}
			core.AddViews(group, types)
			return group, core.AddProxy(group, Scheme, memberProxy)
		},
		scheduling.NewGroup, multiclusterdns.NewGroup,
	} {
		group, err := newGroup(provider)
		if err != nil {
			return fmt.Errorf("install the static groups: %w", err)
		}
		groups = append(groups, group)
	}
	if err := generic.InstallAPIGroups(groups...); err != nil {
		return fmt.Errorf("install the static groups: %w", err)
	}
	return nil
}

// PrepareRun does what remains before the first request.
func (s *Server) PrepareRun() PreparedServer {
	return PreparedServer{run: s.generic.PrepareRun().RunWithContext}
}

// PreparedServer can be run.
type PreparedServer struct {
	run func(context.Context) error
}

// RunWithContext serves until ctx ends, then shuts down in order: controllers
// stop, requests drain, storage closes.
func (s PreparedServer) RunWithContext(ctx context.Context) error {
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("run API server: %w", err)
	}
	return nil
}
