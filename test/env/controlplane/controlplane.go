// Package controlplane describes a Kubernetes control plane as processes on the loopback interface: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and, in place of kubelets, KWOK. It writes their certificates, kubeconfigs and
// command lines; starting them is the caller's.
package controlplane

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kubefederation/federation-apiserver/test/env/process"
)

// Node is a simulated node.
type Node struct {
	Name   string
	Region string
	Zone   string
}

// Config is what a control plane is made from.
type Config struct {
	// Name prefixes the names of processes and logs and names the cluster, the user and the context of kubeconfigs.
	Name string
	// Dir holds its files, LogDir its logs.
	Dir, LogDir string
	// Binaries is the folder of the executables.
	Binaries string
	// Port is where the kube-apiserver listens.
	Port int
	// Nodes are simulated. Without any, neither scheduler nor KWOK runs.
	Nodes []Node
	// Users get credentials besides the administrator and the components.
	Users []User
}

// ControlPlane is one cluster.
type ControlPlane struct {
	config Config
}

// New describes an existing or future control plane; it touches nothing.
func New(config Config) *ControlPlane {
	return &ControlPlane{config: config}
}

// Endpoint is the URL of the kube-apiserver.
func (c *ControlPlane) Endpoint() string {
	return "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(c.config.Port))
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *ControlPlane) Kubeconfig() string {
	return c.path("admin.kubeconfig")
}

// AuditLog is the path of the kube-apiserver's audit log.
func (c *ControlPlane) AuditLog() string {
	return filepath.Join(c.config.LogDir, c.process("audit")+".log")
}

// APIServer is the name of the kube-apiserver's process.
func (c *ControlPlane) APIServer() string { return c.process("kube-apiserver") }

// Etcd is the name of etcd's process.
func (c *ControlPlane) Etcd() string { return c.process("etcd") }

// Processes names the processes in the order in which they start.
func (c *ControlPlane) Processes() []string {
	var names []string
	for _, spec := range c.Specs() {
		names = append(names, spec.Name)
	}
	return names
}

// Specs says how to start the processes, in order.
func (c *ControlPlane) Specs() []process.Spec {
	specs := []process.Spec{
		c.spec("etcd", c.etcdArgs()),
		c.spec("kube-apiserver", c.apiServerArgs()),
		c.spec("kube-controller-manager", c.controllerManagerArgs()),
	}
	if len(c.config.Nodes) > 0 {
		specs = append(specs,
			c.spec("kube-scheduler", c.schedulerArgs()),
			c.spec("kwok", c.kwokArgs()),
		)
	}
	return specs
}

// maxSocketPath is what Linux allows for the path of a unix socket.
const maxSocketPath = 107

// Write makes the files that the processes read.
func (c *ControlPlane) Write() error {
	if socket := c.etcdSocket(); len(socket) > maxSocketPath {
		return fmt.Errorf("%s: the path of etcd's socket %s is longer than the %d bytes that Linux allows; use a directory with a shorter path", c.config.Name, socket, maxSocketPath)
	}
	for _, dir := range []string{c.config.Dir, c.path("pki"), c.path("etcd")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("%s: make its folder: %w", c.config.Name, err)
		}
	}
	for path, content := range map[string]string{c.metricLabels(): "unused_metric,label: value\n", c.auditPolicy(): auditPolicy} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return fmt.Errorf("%s: write a file of its kube-apiserver: %w", c.config.Name, err)
		}
	}
	if err := c.writePKI(); err != nil {
		return fmt.Errorf("%s: %w", c.config.Name, err)
	}
	return nil
}

func (c *ControlPlane) spec(component string, args []string) process.Spec {
	name := c.process(component)
	return process.Spec{
		Name: name,
		Path: filepath.Join(c.config.Binaries, component),
		Args: args,
		// etcd's peer socket is relative to where it runs.
		Dir: c.path("etcd"),
		Log: filepath.Join(c.config.LogDir, name+".log"),
	}
}

func (c *ControlPlane) process(component string) string {
	return c.config.Name + "-" + component
}

func (c *ControlPlane) path(elements ...string) string {
	return filepath.Join(append([]string{c.config.Dir}, elements...)...)
}

func (c *ControlPlane) etcdSocket() string {
	return c.path("etcd", "client.sock")
}

// metricLabels is a file that limits the labels of a metric that does not exist: without such a file the components log an
// error that there is none.
func (c *ControlPlane) metricLabels() string {
	return c.path("metric-labels.yaml")
}

func (c *ControlPlane) auditPolicy() string {
	return c.path("audit-policy.yaml")
}

// auditPolicy records who did what, but for the cluster's own components, which do most.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: None
  nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/openapi/*", "/api", "/apis", "/api/*", "/apis/*"]
- level: None
  users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "kwok"]
- level: None
  userGroups: ["system:serviceaccounts:kube-system"]
- level: Metadata
`
