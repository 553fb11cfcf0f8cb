package env

import (
	"context"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env/controlplane"
	"github.com/kubefederation/federation-apiserver/test/env/relay"
)

// startLimit bounds how long a cluster may take to be usable; a busy machine needs a good part of it.
const startLimit = 3 * time.Minute

// Cluster is the host or a member.
type Cluster struct {
	plan    plan
	control *controlplane.ControlPlane
	backend backend
	config  *rest.Config
}

// Name is the cluster's name, and that of its context in the environment's kubeconfig.
func (c *Cluster) Name() string { return c.plan.Name }

// Region is the region of its nodes; the host has none.
func (c *Cluster) Region() string { return c.plan.Region }

// Zone is the zone of its first node; the host has none.
func (c *Cluster) Zone() string { return c.plan.Zone }

// Config is the administrator's client configuration. It reaches the cluster directly, whatever the network between the
// federation and the cluster does.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Kubeconfig is the path of the administrator's kubeconfig for this cluster alone.
func (c *Cluster) Kubeconfig() string { return c.control.Kubeconfig() }

// AuditLog is the path of the cluster's audit log.
func (c *Cluster) AuditLog() string { return c.control.AuditLog() }

// Endpoint is the URL at which the federation reaches the cluster.
func (c *Cluster) Endpoint() string {
	if c.plan.Relay != "" {
		return "https://" + c.plan.Relay
	}
	return c.control.Endpoint()
}

// Start starts what does not run and waits until the cluster is usable. Data and ports are those of before.
func (c *Cluster) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	names := c.control.Processes()
	etcd := slices.Index(names, c.control.Etcd()) + 1
	if err := c.startAll(ctx, names[:etcd]); err != nil {
		return err
	}
	if err := c.control.Seed(ctx, func() error { return c.checkAll(ctx, names[:etcd]) }); err != nil {
		return err
	}
	// The others would fill their logs with refused connections while the kube-apiserver is not there.
	serving := slices.Index(names, c.control.APIServer()) + 1
	if err := c.startAll(ctx, names[etcd:serving]); err != nil {
		return err
	}
	if err := c.control.WaitServing(ctx, func() error { return c.checkAll(ctx, names[:serving]) }); err != nil {
		return err
	}
	if err := c.startAll(ctx, names[serving:]); err != nil {
		return err
	}
	return c.control.WaitUsable(ctx, func() error { return c.check(ctx) })
}

// Stop ends the cluster's processes in order.
func (c *Cluster) Stop(ctx context.Context) error {
	for _, name := range slices.Backward(c.control.Processes()) {
		if err := c.backend.Stop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Kill ends the cluster's processes at once, as a power cut does.
func (c *Cluster) Kill(ctx context.Context) error {
	for _, name := range slices.Backward(c.control.Processes()) {
		if err := c.backend.Kill(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Freeze makes the kube-apiserver hang: connections stay open and nothing answers.
func (c *Cluster) Freeze(ctx context.Context) error {
	return c.backend.Freeze(ctx, c.control.APIServer())
}

// Thaw ends Freeze.
func (c *Cluster) Thaw(ctx context.Context) error {
	return c.backend.Thaw(ctx, c.control.APIServer())
}

// CutNetwork makes the network between the federation and the cluster silent: nothing arrives and nothing is refused.
func (c *Cluster) CutNetwork(ctx context.Context) error {
	return c.backend.Network(ctx, c.Name(), relay.Condition{Mode: relay.Drop})
}

// RefuseNetwork makes every connection between the federation and the cluster fail at once.
func (c *Cluster) RefuseNetwork(ctx context.Context) error {
	return c.backend.Network(ctx, c.Name(), relay.Condition{Mode: relay.Refuse})
}

// DelayNetwork adds to the time that data needs between the federation and the cluster, in each direction.
func (c *Cluster) DelayNetwork(ctx context.Context, delay time.Duration) error {
	return c.backend.Network(ctx, c.Name(), relay.Condition{Mode: relay.Forward, Delay: delay})
}

// RestoreNetwork ends CutNetwork, RefuseNetwork and DelayNetwork.
func (c *Cluster) RestoreNetwork(ctx context.Context) error {
	return c.backend.Network(ctx, c.Name(), relay.Condition{Mode: relay.Forward})
}

// APIServerPID is the process id of the kube-apiserver, for measuring it.
func (c *Cluster) APIServerPID(ctx context.Context) (int, error) {
	return c.backend.PID(ctx, c.control.APIServer())
}

// EtcdPID is the process id of etcd, for measuring it.
func (c *Cluster) EtcdPID(ctx context.Context) (int, error) {
	return c.backend.PID(ctx, c.control.Etcd())
}

func (c *Cluster) startAll(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := c.backend.Start(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// check fails if one of the cluster's processes has ended.
func (c *Cluster) check(ctx context.Context) error {
	return c.checkAll(ctx, c.control.Processes())
}

func (c *Cluster) checkAll(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := c.backend.Check(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
