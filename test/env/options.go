package env

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// HostName is the name of the cluster in which the federation is registered.
const HostName = "host"

// SystemNamespace is where the federation keeps its configuration in the host.
const SystemNamespace = "kube-federation-system"

// Options says what to start.
type Options struct {
	// Dir holds everything that the environment writes. Empty means a temporary folder.
	Dir string
	// Members names the member clusters.
	Members []string
	// Detached processes outlive the program that started them; without it they die with it. A detached environment has
	// no relays, since nobody would run them.
	Detached bool
	// WithoutFederation leaves out the federation server: the host and the members are clusters and nothing else.
	WithoutFederation bool
	// WithoutJoin starts the members but does not join them.
	WithoutJoin bool
	// Replicas is how many federation servers serve side by side; 0 means one. Several store in an etcd of three members,
	// which one has not, and are reached by connections that go to the ready ones in turn.
	Replicas int
	// Progress is told what happens. Nil is silent.
	Progress progress.Reporter
}

// Validate says what is wrong with the options.
func (o Options) Validate() error {
	var failed []error
	for i, name := range o.Members {
		for _, problem := range validation.IsDNS1123Label(name) {
			failed = append(failed, fmt.Errorf("member %q: %s", name, problem))
		}
		if name == HostName {
			failed = append(failed, fmt.Errorf("member %q: the name belongs to the host", name))
		}
		if slices.Contains(o.Members[:i], name) {
			failed = append(failed, fmt.Errorf("member %q is named twice", name))
		}
	}
	if o.Replicas < 0 {
		failed = append(failed, fmt.Errorf("%d replicas: there cannot be less than none", o.Replicas))
	}
	if o.Replicas > 1 && o.Detached {
		failed = append(failed, errors.New("several replicas need someone who leads connections to them, so they cannot be detached"))
	}
	return errors.Join(failed...)
}
