package env

import (
	"context"
	"fmt"

	"github.com/kubefederation/federation-apiserver/test/env/process"
	"github.com/kubefederation/federation-apiserver/test/env/relay"
)

// backend acts on the processes and the network of an environment: its own or, through a socket, another program's.
type backend interface {
	Define(ctx context.Context, spec process.Spec) error
	Start(ctx context.Context, name string) error
	Stop(ctx context.Context, name string) error
	Kill(ctx context.Context, name string) error
	Freeze(ctx context.Context, name string) error
	Thaw(ctx context.Context, name string) error
	// Check fails if the process does not run.
	Check(ctx context.Context, name string) error
	PID(ctx context.Context, name string) (int, error)
	// Network sets the condition of the network between the federation and a member.
	Network(ctx context.Context, member string, condition relay.Condition) error
}

// local is the backend of the program that owns the environment.
type local struct {
	*process.Supervisor
	relays map[string]*relay.Relay
	// balancer leads to several replicas of the federation server, if there are.
	balancer *balancer
}

var _ backend = &local{}

func (l *local) Define(_ context.Context, spec process.Spec) error {
	return l.Supervisor.Define(spec)
}

func (l *local) Check(_ context.Context, name string) error {
	return l.Supervisor.Check(name)
}

func (l *local) PID(_ context.Context, name string) (int, error) {
	return l.Supervisor.PID(name)
}

func (l *local) Network(_ context.Context, member string, condition relay.Condition) error {
	r, ok := l.relays[member]
	if !ok {
		return fmt.Errorf("the federation reaches %s directly: there is no network to disturb", member)
	}
	return r.Set(condition)
}
