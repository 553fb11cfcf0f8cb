// Package complete completes command lines in a shell: types, names of objects
// and clusters, contexts and formats.
package complete

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/enable"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

// patience bounds how long a person at a shell waits for words.
const patience = 3 * time.Second

// words looks words up, with the arguments before the one that is completed.
type words func(ctx context.Context, client *federation.Client, args []string) ([]string, error)

// Register gives the commands under root their completion. What cannot be looked
// up completes to nothing: a shell is no place for errors.
func Register(root *cobra.Command, where *connect.Flags) {
	complete := func(look ...words) cobra.CompletionFunc {
		return func(command *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) >= len(look) {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			client, err := federation.New(where)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			ctx, cancel := context.WithTimeout(command.Context(), patience)
			defer cancel()
			found, err := look[len(args)](ctx, client, args)
			if err != nil {
				cobra.CompDebugln(err.Error(), false)
			}
			return beginning(found, begun), cobra.ShellCompDirectiveNoFileComp
		}
	}
	arguments := map[string]cobra.CompletionFunc{
		"join":                      complete(contexts),
		"unjoin":                    complete(clusters),
		"enable":                    complete(resources),
		"disable":                   complete(types),
		"federate":                  complete(resources, targets),
		"orphaning-deletion enable": complete(federatedTypes, objects), "orphaning-deletion disable": complete(federatedTypes, objects), "orphaning-deletion status": complete(federatedTypes, objects),
		"approve":    complete(federatedTypes, objects),
		"describe":   complete(federatedTypes, objects),
		"render":     complete(federatedTypes, objects),
		"get":        complete(federatedTypes, objects),
		"kubeconfig": complete(clusters, clusters, clusters, clusters),
		"status":     complete(), "diff": complete(), "version": complete(),
	}
	flags := map[string]cobra.CompletionFunc{
		"cluster":              list(complete(clusters)),
		"cluster-context":      first(complete(contexts)),
		"context":              first(complete(contexts)),
		"host-cluster-context": first(complete(contexts)),
		"namespace":            first(complete(namespaces)),
		"kubefed-namespace":    first(complete(namespaces)),
		"policy":               cobra.FixedCompletions([]string{"orphan", "remove"}, cobra.ShellCompDirectiveNoFileComp),
		"output":               cobra.FixedCompletions([]string{output.JSON, output.YAML, output.Wide, output.Name}, cobra.ShellCompDirectiveNoFileComp),
	}
	visit(root, "", func(command *cobra.Command, path string) {
		if function, ok := arguments[path]; ok {
			command.ValidArgsFunction = function
		}
		for name, function := range flags {
			if command.Flags().Lookup(name) != nil || command.PersistentFlags().Lookup(name) != nil {
				// It fails for a flag that has a function already: there is none.
				_ = command.RegisterFlagCompletionFunc(name, function)
			}
		}
	})
}

func visit(command *cobra.Command, path string, do func(*cobra.Command, string)) {
	do(command, path)
	for _, child := range command.Commands() {
		visit(child, strings.TrimSpace(path+" "+child.Name()), do)
	}
}

// first completes the value of a flag, which has no arguments before it.
func first(function cobra.CompletionFunc) cobra.CompletionFunc {
	return func(command *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return function(command, nil, begun)
	}
}

// list completes the last of several values with commas between them.
func list(function cobra.CompletionFunc) cobra.CompletionFunc {
	return func(command *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		done, last := "", begun
		if i := strings.LastIndex(begun, ","); i >= 0 {
			done, last = begun[:i+1], begun[i+1:]
		}
		found, directive := function(command, nil, last)
		for i := range found {
			found[i] = done + found[i]
		}
		return found, directive
	}
}

func beginning(words []string, begun string) []string {
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(word string) bool { return !strings.HasPrefix(word, begun) })
}

func contexts(_ context.Context, client *federation.Client, _ []string) ([]string, error) {
	return client.Contexts()
}

func clusters(ctx context.Context, client *federation.Client, _ []string) ([]string, error) {
	list, err := client.Clusters(ctx)
	names := make([]string, 0, len(list))
	for i := range list {
		names = append(names, list[i].Name)
	}
	return names, err
}

func types(ctx context.Context, client *federation.Client, _ []string) ([]string, error) {
	return typeNames(ctx, client, func(c *corev1beta1.FederatedTypeConfig) string { return c.Name })
}

func federatedTypes(ctx context.Context, client *federation.Client, _ []string) ([]string, error) {
	return typeNames(ctx, client, func(c *corev1beta1.FederatedTypeConfig) string { return c.Spec.FederatedType.PluralName })
}

func typeNames(ctx context.Context, client *federation.Client, name func(*corev1beta1.FederatedTypeConfig) string) ([]string, error) {
	configs, err := client.TypeConfigs(ctx)
	names := make([]string, 0, len(configs))
	for i := range configs {
		names = append(names, name(&configs[i]))
	}
	return names, err
}

// resources are the types of the host.
func resources(_ context.Context, client *federation.Client, _ []string) ([]string, error) {
	all, err := enable.Discover(client.Kube.Discovery(), "")
	var names []string
	for i := range all {
		if !strings.HasSuffix(all[i].Group, ".kubefed.io") {
			names = append(names, enable.QualifiedName(&all[i]))
		}
	}
	return names, err
}

func namespaces(ctx context.Context, client *federation.Client, _ []string) ([]string, error) {
	list, err := client.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names, nil
}

// objects are the federated objects of the type that the first argument names.
func objects(ctx context.Context, client *federation.Client, args []string) ([]string, error) {
	config, err := client.ResolveType(ctx, args[0])
	if err != nil {
		return nil, err
	}
	namespace, given, err := client.Namespace()
	if err != nil {
		return nil, err
	}
	if federation.IsNamespaces(config) && !given {
		namespace = ""
	}
	var names []string
	err = client.Each(ctx, config, namespace, func(object *typesv1beta1.FederatedObject) { names = append(names, object.Name) })
	return names, err
}

// targets are the objects of the host of the type that the first argument names.
func targets(ctx context.Context, client *federation.Client, args []string) ([]string, error) {
	all, err := enable.Discover(client.Kube.Discovery(), "")
	if err != nil {
		return nil, err
	}
	resource, err := enable.Find(all, args[0])
	if err != nil {
		return nil, err
	}
	namespace, _, err := client.Namespace()
	if err != nil {
		return nil, err
	}
	if !resource.Namespaced {
		namespace = ""
	}
	list, err := client.Dynamic.Resource(enable.Resource(resource)).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].GetName())
	}
	return names, nil
}
