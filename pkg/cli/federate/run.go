package federate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/enable"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
)

const (
	// servedPatience is how long a type that was enabled may take to be served.
	servedPatience = 30 * time.Second
	// creationPatience is how long a creation is tried while the type is not served,
	// as in KubeFed.
	creationPatience = 10 * time.Second
	pollInterval     = 250 * time.Millisecond
)

// work is one type with the federated objects to make of it.
type work struct {
	config  *corev1beta1.FederatedTypeConfig
	enabled bool
	objects []*unstructured.Unstructured
}

// Run federates the object, and the contents of a namespace. Everything is read
// and checked before anything is written.
func (o *Options) Run(ctx context.Context) error {
	client, err := federation.New(o.Flags)
	if err != nil {
		return err
	}
	if err := client.CheckSystemNamespace(ctx); err != nil {
		return err
	}
	plan, err := o.plan(ctx, client)
	if err != nil {
		return err
	}
	if o.Output != "" {
		var all []*unstructured.Unstructured
		for _, work := range plan {
			all = append(all, work.objects...)
		}
		return output.PrintAll(o.Streams.Out, o.Output, all)
	}

	for _, work := range plan {
		if work.enabled {
			continue
		}
		verb, err := enable.Apply(ctx, client, work.config, o.DryRun)
		if err != nil {
			return err
		}
		fmt.Fprintln(o.Streams.Out, enable.Line(work.config.Name, verb, client.SystemNamespace, o.DryRun))
		if o.DryRun {
			continue
		}
		enable.NoteRights(ctx, client, work.config, o.Streams.ErrOut)
		if err := enable.AwaitServed(ctx, client, work.config, servedPatience); err != nil {
			return err
		}
	}
	// An object that is federated already does not keep the others from being so.
	var failed []error
	for _, work := range plan {
		for _, object := range work.objects {
			if err := o.create(ctx, client, work, object); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

// plan finds out what to write.
func (o *Options) plan(ctx context.Context, client *federation.Client) ([]work, error) {
	configs, err := client.TypeConfigs(ctx)
	if err != nil {
		return nil, err
	}
	resources, err := enable.Discover(client.Kube.Discovery(), "")
	if err != nil {
		return nil, err
	}
	resource, err := enable.Find(resources, o.TypeName)
	if err != nil {
		return nil, err
	}
	own, err := workFor(resource, configs, client.SystemNamespace)
	if err != nil {
		return nil, err
	}
	if o.Contents && !federation.IsNamespaces(own.config) {
		return nil, fmt.Errorf("--contents is for namespaces, not for %s", own.config.Name)
	}
	namespace, _, err := client.Namespace()
	if err != nil {
		return nil, err
	}
	if own.config.Spec.TargetType.Scope != corev1beta1.NamespaceScoped {
		namespace = ""
	}
	object, err := client.Dynamic.Resource(federation.TargetResource(own.config)).Namespace(namespace).Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading the %s to federate: %w", resource.Kind, err)
	}
	own.objects = []*unstructured.Unstructured{Federated(object, own.config.Spec.FederatedType)}
	plan := []work{own}

	if o.Contents {
		all, err := contents(ctx, client, o.Name, o.Skip, func(format string, args ...any) {
			fmt.Fprintf(o.Streams.ErrOut, format+"\n", args...)
		})
		if err != nil {
			return nil, err
		}
		for _, content := range all {
			one, err := workFor(&content.resource, configs, client.SystemNamespace)
			if err != nil {
				return nil, err
			}
			for i := range content.objects {
				one.objects = append(one.objects, Federated(&content.objects[i], one.config.Spec.FederatedType))
			}
			plan = append(plan, one)
		}
	}
	return plan, o.requireEnabled(plan)
}

// requireEnabled fails if types are not federated, and are not to be.
func (o *Options) requireEnabled(plan []work) error {
	var missing []string
	for _, work := range plan {
		if !work.enabled {
			missing = append(missing, work.config.Name)
		}
	}
	if len(missing) == 0 || o.EnableType {
		return nil
	}
	slices.Sort(missing)
	advice := "enable them with --enable-type"
	if o.Contents {
		advice += ", or leave them out with --skip-api-resources"
	}
	return fmt.Errorf("these types are not federated: %s; %s. Nothing was changed", strings.Join(missing, ", "), advice)
}

func workFor(resource *metav1.APIResource, configs []corev1beta1.FederatedTypeConfig, namespace string) (work, error) {
	name := enable.QualifiedName(resource)
	i := slices.IndexFunc(configs, func(config corev1beta1.FederatedTypeConfig) bool { return config.Name == name })
	if i >= 0 {
		return work{config: &configs[i], enabled: true}, nil
	}
	config, err := enable.NewTypeConfig(resource, namespace, configs)
	return work{config: config}, err
}

// create makes one federated object.
func (o *Options) create(ctx context.Context, client *federation.Client, work work, object *unstructured.Unstructured) error {
	what := schema.GroupResource{Group: work.config.Spec.FederatedType.Group, Resource: strings.ToLower(work.config.Spec.FederatedType.Kind)}.String() + "/" + object.GetName()
	if o.DryRun && !work.enabled {
		// The host cannot judge what it does not serve.
		fmt.Fprintf(o.Streams.Out, "%s created%s (dry run)\n", what, inNamespace(object))
		return nil
	}
	options := metav1.CreateOptions{FieldManager: federation.FieldManager}
	if o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollInterval, creationPatience, true, func(ctx context.Context) (bool, error) {
		_, last = client.Dynamic.Resource(federation.Resource(work.config)).Namespace(object.GetNamespace()).Create(ctx, object, options)
		switch {
		case last == nil:
			return true, nil
		case apierrors.IsNotFound(last) || apierrors.IsServiceUnavailable(last):
			return false, nil
		}
		return false, last
	})
	if last != nil {
		err = last
	}
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%s%s already exists", what, inNamespace(object))
	}
	if err != nil {
		return federation.Explain(err, "creating %s%s", what, inNamespace(object))
	}
	dry := ""
	if o.DryRun {
		dry = " (dry run)"
	}
	fmt.Fprintf(o.Streams.Out, "%s created%s%s\n", what, inNamespace(object), dry)
	return nil
}

func inNamespace(object *unstructured.Unstructured) string {
	if namespace := object.GetNamespace(); namespace != "" {
		return " in namespace " + namespace
	}
	return ""
}
