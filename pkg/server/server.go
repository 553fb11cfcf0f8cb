// Package server puts the server together: which APIs are served, from which
// storage, and which controllers start when.
package server

import (
	"context"
	"fmt"

	genericapiserver "k8s.io/apiserver/pkg/server"

	corerest "github.com/kubefederation/federation-apiserver/pkg/registry/core/rest"
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
	coreGroup, err := corerest.StorageProvider{Scheme: Scheme, Codecs: Codecs}.NewRESTStorage(c.Generic.RESTOptionsGetter)
	if err != nil {
		return nil, err
	}
	if err := generic.InstallAPIGroups(coreGroup); err != nil {
		return nil, fmt.Errorf("install %s: %w", coreGroup.PrioritizedVersions[0], err)
	}
	return &Server{generic: generic}, nil
}

// PrepareRun does what remains before the first request.
func (s *Server) PrepareRun() (PreparedServer, error) {
	return PreparedServer{Server: s, run: s.generic.PrepareRun().RunWithContext}, nil
}

// PreparedServer can be run.
type PreparedServer struct {
	*Server
	run func(context.Context) error
}

// RunWithContext serves until ctx ends, then shuts down in order.
func (s PreparedServer) RunWithContext(ctx context.Context) error {
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("run API server: %w", err)
	}
	return nil
}
