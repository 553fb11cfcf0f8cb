// Package env starts real federations on one machine: a host and member clusters made of real control planes, and the
// federation server, all as processes on the loopback interface. The sandbox (make up) and the tests use it. It needs
// Linux.
package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/controlplane"
	"github.com/kubefederation/federation-apiserver/test/env/process"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
	"github.com/kubefederation/federation-apiserver/test/env/relay"
)

// Environment is a host, its members and the federation server.
type Environment struct {
	dir        string
	layout     *layout
	backend    backend
	host       *Cluster
	members    []*Cluster
	federation *Federation
	report     progress.Reporter
	refreshing sync.Mutex
	// owned is set in the program that started the processes, or that took them over.
	owned *local
}

// Start makes an environment and waits until it is usable. What was started is ended again if that fails; the logs stay.
func Start(ctx context.Context, options Options) (*Environment, error) {
	if err := options.Validate(); err != nil {
		return nil, err
	}
	report := options.Progress
	if report == nil {
		report = progress.Discard
	}
	repository, err := binaries.FindRepository()
	if err != nil {
		return nil, err
	}
	controlPlane, err := repository.ControlPlane(ctx, report)
	if err != nil {
		return nil, err
	}
	var project string
	if !options.WithoutFederation {
		if project, err = repository.Project(ctx, report); err != nil {
			return nil, err
		}
		report.Step("built federation-apiserver and kubectl-fed")
	}
	// Builds take long: ports are chosen right before they are used.
	l, err := newLayout(options)
	if err != nil {
		return nil, err
	}
	l.Binaries, l.Project = controlPlane, project
	dir, err := makeDir(options.Dir)
	if err != nil {
		return nil, err
	}
	e, err := create(dir, l, report)
	if err != nil {
		return nil, err
	}
	if err := e.bringUp(ctx, repository); err != nil {
		return nil, errors.Join(err, e.end(context.WithoutCancel(ctx)))
	}
	return e, nil
}

// makeDir returns an absolute folder that only its owner can enter: it will hold keys.
func makeDir(dir string) (string, error) {
	if dir == "" {
		made, err := os.MkdirTemp("", "federation-")
		if err != nil {
			return "", fmt.Errorf("make the environment's folder: %w", err)
		}
		return made, nil
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("make the environment's folder: %w", err)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return "", fmt.Errorf("make the environment's folder: %w", err)
	}
	return absolute, nil
}

// create writes everything that the processes read.
func create(dir string, l *layout, report progress.Reporter) (*Environment, error) {
	for _, folder := range []string{"logs", "bin", "clusters", "federation"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("make the environment's folder: %w", err)
		}
	}
	own, err := newLocal(dir, l)
	if err != nil {
		return nil, err
	}
	// Stored before anything runs: whoever comes after a crash finds what to end.
	if err := l.save(dir); err != nil {
		return nil, err
	}
	for _, p := range append([]plan{l.Host}, l.Members...) {
		control := controlplane.New(l.controlPlane(dir, p))
		if err := control.Write(); err != nil {
			return nil, err
		}
		for _, spec := range control.Specs() {
			if err := own.Supervisor.Define(spec); err != nil {
				return nil, err
			}
		}
	}
	e, err := assemble(dir, l, own, report)
	if err != nil {
		return nil, err
	}
	e.owned = own
	if err := e.writeKubeconfigs(); err != nil {
		return nil, err
	}
	if err := e.linkBinaries(); err != nil {
		return nil, err
	}
	return e, nil
}

// newLocal makes the backend and, for an environment that has them, the relays, whose addresses go into the layout.
func newLocal(dir string, l *layout) (*local, error) {
	lifetime := process.Bound
	if l.Detached {
		lifetime = process.Detached
	}
	supervisor, err := process.NewSupervisor(filepath.Join(dir, processesFile), lifetime)
	if err != nil {
		return nil, err
	}
	own := &local{Supervisor: supervisor, relays: map[string]*relay.Relay{}}
	if l.Detached {
		return own, nil
	}
	for i := range l.Members {
		member := &l.Members[i]
		r, err := relay.Listen("127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", member.Port))
		if err != nil {
			return nil, err
		}
		member.Relay = r.Address()
		own.relays[member.Name] = r
	}
	if len(l.ReplicaPorts) > 1 {
		if own.balancer, err = newBalancer(l.ServerPort, l.ReplicaPorts); err != nil {
			return nil, err
		}
	}
	return own, nil
}

func (l *layout) controlPlane(dir string, p plan) controlplane.Config {
	config := controlplane.Config{
		Name:     p.Name,
		Dir:      filepath.Join(dir, "clusters", p.Name),
		LogDir:   filepath.Join(dir, "logs"),
		Binaries: l.Binaries,
		Port:     p.Port,
		Nodes:    p.Nodes,
	}
	if p.Name == HostName {
		config.Users = []controlplane.User{{
			Name:       serverUser,
			Groups:     []string{"system:serviceaccounts", "system:serviceaccounts:" + SystemNamespace},
			Kubeconfig: serverKubeconfig(dir),
		}}
	}
	return config
}

// assemble makes the objects of an environment whose files exist.
func assemble(dir string, l *layout, b backend, report progress.Reporter) (*Environment, error) {
	e := &Environment{dir: dir, layout: l, backend: b, report: report}
	for _, p := range append([]plan{l.Host}, l.Members...) {
		control := controlplane.New(l.controlPlane(dir, p))
		config, err := control.RESTConfig()
		if err != nil {
			return nil, err
		}
		c := &Cluster{plan: p, control: control, backend: b, config: config}
		if p.Name == HostName {
			e.host = c
		} else {
			e.members = append(e.members, c)
		}
	}
	if l.Federation {
		e.federation = newFederation(e)
	}
	return e, nil
}

func (e *Environment) bringUp(ctx context.Context, repository binaries.Repository) error {
	if err := e.startClusters(ctx); err != nil {
		return err
	}
	if e.layout.Federation {
		if err := e.install(ctx, repository); err != nil {
			return err
		}
		e.report.Step("federation-apiserver is registered in the host and serves")
	}
	if e.layout.Joined {
		for _, member := range e.members {
			if err := e.Join(ctx, member); err != nil {
				return err
			}
			e.report.Step("%s has joined and is ready (region %s, zone %s)", member.Name(), member.Region(), member.Zone())
		}
	}
	e.layout.Complete = true
	return e.layout.save(e.dir)
}

func (e *Environment) startClusters(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	// More at a time only makes each of them slower to start than its own patience allows.
	group.SetLimit(4)
	for _, c := range append([]*Cluster{e.host}, e.members...) {
		group.Go(func() error {
			e.report.Status("starting the control plane of %s", c.Name())
			if err := c.Start(ctx); err != nil {
				return err
			}
			e.report.Step("control plane of %s is up at %s", c.Name(), c.control.Endpoint())
			return nil
		})
	}
	return group.Wait()
}

// linkBinaries puts the commands for people and scripts into one folder.
func (e *Environment) linkBinaries() error {
	links := map[string]string{"kubectl": filepath.Join(e.layout.Binaries, "kubectl")}
	if e.layout.Project != "" {
		links["kubectl-fed"] = filepath.Join(e.layout.Project, "kubectl-fed")
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(e.dir, "bin", name)); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}

// Dir is the environment's folder.
func (e *Environment) Dir() string { return e.dir }

// Host is the cluster in which the federation is registered.
func (e *Environment) Host() *Cluster { return e.host }

// Members are the member clusters in the order of the options.
func (e *Environment) Members() []*Cluster { return append([]*Cluster(nil), e.members...) }

// Member returns the member of that name, or nil.
func (e *Environment) Member(name string) *Cluster {
	for _, member := range e.members {
		if member.Name() == name {
			return member
		}
	}
	return nil
}

// Federation is the federation server, or nil in an environment without it.
func (e *Environment) Federation() *Federation { return e.federation }

// Kubeconfig is the path of a kubeconfig with the contexts of the host, which is current, and of each member.
func (e *Environment) Kubeconfig() string { return filepath.Join(e.dir, "kubeconfig") }

// LogDir is the folder with one log for each process.
func (e *Environment) LogDir() string { return filepath.Join(e.dir, "logs") }

// Bin is the folder with kubectl and kubectl-fed.
func (e *Environment) Bin() string { return filepath.Join(e.dir, "bin") }

// Command prepares a command that finds kubectl, kubectl-fed and the environment's kubeconfig by itself.
func (e *Environment) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	path := name
	if filepath.Base(name) == name {
		if candidate := filepath.Join(e.Bin(), name); isFile(candidate) {
			path = candidate
		}
	}
	command := exec.CommandContext(ctx, path, args...)
	command.Env = append(os.Environ(),
		"KUBECONFIG="+e.Kubeconfig(),
		"PATH="+e.Bin()+string(os.PathListSeparator)+os.Getenv("PATH"))
	return command
}

// Stop ends every process and removes the folder. Only the program that started the environment may do that.
func (e *Environment) Stop(ctx context.Context) error {
	if e.owned == nil {
		return errors.New("the environment belongs to another program")
	}
	if err := errors.Join(e.end(ctx), findRace(e.LogDir())); err != nil {
		return err
	}
	if os.Getenv(keepVariable) != "" {
		e.report.Step("keeping %s", e.dir)
		return nil
	}
	if err := os.RemoveAll(e.dir); err != nil {
		return fmt.Errorf("remove the environment: %w", err)
	}
	return nil
}

// keepVariable set to anything makes Stop leave the folder with its logs.
const keepVariable = "FEDERATION_TEST_KEEP"

// end ends every process and leaves the files.
func (e *Environment) end(ctx context.Context) error {
	err := e.owned.KillAll(ctx)
	for _, r := range e.owned.relays {
		err = errors.Join(err, r.Close())
	}
	if e.owned.balancer != nil {
		err = errors.Join(err, e.owned.balancer.Close())
	}
	return err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
