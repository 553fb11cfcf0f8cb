package options

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubefederation/federation-apiserver/pkg/admission/authorauthorization"
	"github.com/kubefederation/federation-apiserver/pkg/admission/deniedtargets"
)

// PolicyOptions say what may be federated, and by whom.
type PolicyOptions struct {
	// AuthorAuthorization is the policy for writes whose author may not write the
	// target in the host.
	AuthorAuthorization string
	// DeniedTargetTypes are types that no new FederatedTypeConfig may federate:
	// RESOURCE.GROUP each.
	DeniedTargetTypes []string
	// AllowedSystemNamespaces are namespaces of the system that federated objects
	// may be in.
	AllowedSystemNamespaces []string
}

func newPolicyOptions() PolicyOptions {
	return PolicyOptions{AuthorAuthorization: string(authorauthorization.Enforce), DeniedTargetTypes: deniedtargets.DefaultTypes}
}

func (o *PolicyOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.AuthorAuthorization, "author-authorization", o.AuthorAuthorization,
		"What becomes of the write of a federated object whose author may not write its target in the host cluster: Enforce refuses it, "+
			"Warn lets it pass with a warning, Off lets it pass as KubeFed did. With Warn and Off, whoever may write federated objects has the federation's rights in the members.")
	flags.StringSliceVar(&o.DeniedTargetTypes, "denied-target-types", o.DeniedTargetTypes,
		"The types, as RESOURCE.GROUP, that no new FederatedTypeConfig may federate, beside those that can never be federated.")
	flags.StringSliceVar(&o.AllowedSystemNamespaces, "allowed-system-namespaces", o.AllowedSystemNamespaces,
		"Those of kube-system, kube-public, kube-node-lease and the --kubefed-namespace in which federated objects may be written all the same.")
}

func (o *PolicyOptions) validate() []error {
	var errs []error
	if policy := authorauthorization.Policy(o.AuthorAuthorization); !slices.Contains(authorauthorization.Policies, policy) {
		errs = append(errs, fmt.Errorf("--author-authorization %q: must be one of %q", policy, authorauthorization.Policies))
	}
	if _, err := deniedtargets.ParseTypes(o.DeniedTargetTypes); err != nil {
		errs = append(errs, fmt.Errorf("--denied-target-types: %w", err))
	}
	for _, namespace := range o.AllowedSystemNamespaces {
		for _, message := range validation.IsDNS1123Label(namespace) {
			errs = append(errs, fmt.Errorf("--allowed-system-namespaces %q: %s", namespace, message))
		}
	}
	return errs
}
