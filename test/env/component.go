package env

import "context"

// Component is one process of a cluster, for faults of a part of it.
type Component struct {
	name    string
	backend backend
}

// APIServer is the cluster's kube-apiserver.
func (c *Cluster) APIServer() Component { return Component{c.control.APIServer(), c.backend} }

// Etcd is the etcd of the cluster.
func (c *Cluster) Etcd() Component { return Component{c.control.Etcd(), c.backend} }

// Name is the name of the process, and that of its log.
func (c Component) Name() string { return c.name }

// Kill ends it with SIGKILL.
func (c Component) Kill(ctx context.Context) error { return c.backend.Kill(ctx, c.name) }

// Start starts it, if it does not run, and waits for nothing.
func (c Component) Start(ctx context.Context) error { return c.backend.Start(ctx, c.name) }

// Freeze makes it hang: connections stay open and nothing answers.
func (c Component) Freeze(ctx context.Context) error { return c.backend.Freeze(ctx, c.name) }

// Thaw ends Freeze.
func (c Component) Thaw(ctx context.Context) error { return c.backend.Thaw(ctx, c.name) }
