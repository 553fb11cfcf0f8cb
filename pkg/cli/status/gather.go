package status

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
)

// Report is the state of a federation.
type Report struct {
	// InSync says that members are written to, every member is ready with nothing left
	// to remove there, every type runs as it shall, and every object is as asked for in
	// every cluster.
	InSync bool `json:"inSync"`
	// Recovery says that nothing is written to members, and why; nil: they are written to.
	Recovery *identity.Recovery `json:"recovery,omitempty"`
	Server   Server             `json:"server"`
	Clusters []Cluster          `json:"clusters"`
	Types    []Type             `json:"types"`
}

// Server is how the federation is reached.
type Server struct {
	Host        string   `json:"host"`
	HostVersion string   `json:"hostVersion"`
	APIs        []string `json:"apis"`
}

// Cluster is one member.
type Cluster struct {
	Name     string     `json:"name"`
	Ready    string     `json:"ready"`
	Reason   string     `json:"reason,omitempty"`
	Message  string     `json:"message,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	Version  string     `json:"version,omitempty"`
	Region   string     `json:"region,omitempty"`
	Zones    []string   `json:"zones,omitempty"`
	Endpoint string     `json:"endpoint"`
	// LastSeen is when a member that is not ready was last found so.
	LastSeen *time.Time `json:"lastSeen,omitempty"`
	// PendingRemovals is how many copies are still to be removed there of objects
	// that were deleted while the cluster could not be reached.
	PendingRemovals int `json:"pendingRemovals,omitempty"`
}

// Type is one federated type with its objects.
type Type struct {
	Name          string `json:"name"`
	FederatedKind string `json:"federatedKind"`
	Propagation   string `json:"propagation"`
	// Trouble says why the type does not run as it shall.
	Trouble   string `json:"trouble,omitempty"`
	Objects   int    `json:"objects"`
	InSync    int    `json:"inSync"`
	NotInSync int    `json:"notInSync"`
	// Oldest are the objects that have not been in sync for longest, oldest first.
	Oldest []Unsynced `json:"oldestNotInSync,omitempty"`
	// Error says why the objects cannot be counted.
	Error string `json:"error,omitempty"`
}

// Unsynced is an object that is not as asked for somewhere.
type Unsynced struct {
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	Since     time.Time `json:"since"`
	Reason    string    `json:"reason"`
	Message   string    `json:"message,omitempty"`
}

const (
	// atOnce is how many types are listed at a time.
	atOnce = 4
	// keptOldest is how many objects that are not in sync are named per type.
	keptOldest = 10
)

// gather asks the host. namespace restricts objects; empty means all.
func gather(ctx context.Context, client *federation.Client, namespace string) (*Report, error) {
	report := &Report{}
	var err error
	if report.Server, err = server(ctx, client); err != nil {
		return nil, err
	}
	if report.Recovery, err = recovery(ctx, client); err != nil {
		return nil, err
	}
	clusters, err := client.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	for i := range clusters {
		report.Clusters = append(report.Clusters, clusterOf(&clusters[i]))
	}
	if err := report.countRemovals(ctx, client); err != nil {
		return nil, err
	}
	configs, err := client.TypeConfigs(ctx)
	if err != nil {
		return nil, err
	}
	report.Types = make([]Type, len(configs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range configs {
		group.Go(func() error {
			report.Types[i] = typeOf(ctx, client, &configs[i], namespace)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	report.InSync = report.inSync()
	return report, nil
}

// countRemovals counts what is left to do of deletions. A federation that is older
// than this has no such thing, and whoever may not see them is not told.
func (r *Report) countRemovals(ctx context.Context, client *federation.Client) error {
	list, err := client.Core.CoreV1beta1().PendingRemovals(client.SystemNamespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return federation.Explain(err, "listing what is left to do of deletions")
	}
	counts := map[string]int{}
	for i := range list.Items {
		for _, cluster := range list.Items[i].Spec.Clusters {
			counts[cluster.Name]++
		}
	}
	for i := range r.Clusters {
		r.Clusters[i].PendingRemovals = counts[r.Clusters[i].Name]
	}
	return nil
}

func (r *Report) inSync() bool {
	return r.Recovery == nil && !slices.ContainsFunc(r.Clusters, func(c Cluster) bool { return c.Ready != string(corev1.ConditionTrue) || c.PendingRemovals > 0 }) &&
		!slices.ContainsFunc(r.Types, func(t Type) bool { return t.NotInSync > 0 || t.Trouble != "" || t.Error != "" })
}

// server finds out whether the host reaches the federation.
func server(ctx context.Context, client *federation.Client) (Server, error) {
	config, err := client.ToRESTConfig()
	if err != nil {
		return Server{}, err
	}
	s := Server{Host: config.Host}
	version, err := client.Kube.Discovery().ServerVersion()
	if err != nil {
		return s, fmt.Errorf("asking the host for its version: %w", err)
	}
	s.HostVersion = version.GitVersion
	for _, api := range []string{corev1beta1.SchemeGroupVersion.String(), typesv1beta1.SchemeGroupVersion.String()} {
		if err := client.Core.CoreV1beta1().RESTClient().Get().AbsPath("apis", api).Do(ctx).Error(); err != nil {
			return s, federation.Explain(err, "asking for %s", api)
		}
		s.APIs = append(s.APIs, api)
	}
	return s, nil
}

// recovery returns the one that the federation is in, nil where it is in none or the
// user may not know.
func recovery(ctx context.Context, client *federation.Client) (*identity.Recovery, error) {
	lease, err := client.Kube.CoordinationV1().Leases(client.SystemNamespace).Get(ctx, identity.HostLease, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, federation.Explain(err, "reading the Lease %q of the host", identity.HostLease)
	}
	status, err := identity.StatusOf(lease)
	if status == nil || err != nil {
		return nil, err
	}
	return &status.Recovery, nil
}

func clusterOf(cluster *corev1beta1.KubeFedCluster) Cluster {
	told := Cluster{
		Name: cluster.Name, Ready: string(corev1.ConditionUnknown), Endpoint: cluster.Spec.APIEndpoint,
		Version: cluster.Status.KubernetesVersion, Zones: cluster.Status.Zones,
	}
	if cluster.Status.Region != nil {
		told.Region = *cluster.Status.Region
	}
	if seen := cluster.Status.LastSeenTime; seen != nil {
		told.LastSeen = &seen.Time
	}
	var worst *corev1beta1.ClusterCondition
	for i := range cluster.Status.Conditions {
		condition := &cluster.Status.Conditions[i]
		switch {
		case condition.Type == corev1beta1.ClusterReady:
			told.Ready = string(condition.Status)
			if worst == nil {
				worst = condition
			}
		case condition.Status == corev1.ConditionTrue:
			// Offline and ConfigMalformed say more than that it is not ready.
			worst = condition
		}
	}
	if worst == nil {
		told.Message = "it has not been probed yet"
		return told
	}
	if worst.LastTransitionTime != nil {
		told.Since = &worst.LastTransitionTime.Time
	}
	if worst.Reason != nil {
		told.Reason = *worst.Reason
	}
	if worst.Message != nil && (told.Ready != string(corev1.ConditionTrue) || worst.Type == corev1beta1.ClusterNotOwned) {
		told.Message = *worst.Message
	}
	return told
}

func typeOf(ctx context.Context, client *federation.Client, config *corev1beta1.FederatedTypeConfig, namespace string) Type {
	told := Type{
		Name: config.Name, FederatedKind: config.Spec.FederatedType.Kind,
		Propagation: string(config.Spec.Propagation), Trouble: trouble(config),
	}
	enabled := config.Spec.Propagation == corev1beta1.PropagationEnabled
	err := client.Each(ctx, config, namespace, func(object *typesv1beta1.FederatedObject) {
		told.Objects++
		// Nobody looks after the objects of a type that is disabled.
		if !enabled {
			return
		}
		unsynced, ok := judge(object)
		if ok {
			told.InSync++
			return
		}
		told.NotInSync++
		at, _ := slices.BinarySearchFunc(told.Oldest, unsynced, func(a, b Unsynced) int { return a.Since.Compare(b.Since) })
		told.Oldest = slices.Insert(told.Oldest, at, unsynced)
		told.Oldest = told.Oldest[:min(len(told.Oldest), keptOldest)]
	})
	if err != nil {
		told.Error = err.Error()
	}
	return told
}

// trouble says why a type does not run as it shall, or nothing.
func trouble(config *corev1beta1.FederatedTypeConfig) string {
	if served := apimeta.FindStatusCondition(config.Status.Conditions, corev1beta1.FederatedTypeServed); served != nil && served.Status == metav1.ConditionFalse {
		return "not served: " + served.Message
	}
	running := config.Status.PropagationController == corev1beta1.ControllerStatusRunning
	if enabled := config.Spec.Propagation == corev1beta1.PropagationEnabled; enabled && !running {
		return "its propagation does not run"
	}
	return ""
}

// judge says whether an object is as asked for in every cluster, and if not,
// since when.
func judge(object *typesv1beta1.FederatedObject) (Unsynced, bool) {
	told := Unsynced{Namespace: object.Namespace, Name: object.Name}
	if object.DeletionTimestamp != nil {
		told.Since, told.Reason, told.Message = object.DeletionTimestamp.Time, "Deleting", "its copies are not gone yet"
		return told, false
	}
	i := slices.IndexFunc(object.Status.Conditions, func(c typesv1beta1.Condition) bool {
		return c.Type == typesv1beta1.PropagationCondition
	})
	if i < 0 {
		told.Since, told.Reason = object.CreationTimestamp.Time, "NotReported"
		return told, false
	}
	condition := object.Status.Conditions[i]
	switch {
	case condition.Status != corev1.ConditionTrue:
		told.Since, told.Reason, told.Message = condition.LastTransitionTime.Time, condition.Reason, condition.Message
		return told, false
	case object.Status.ObservedGeneration < object.Generation:
		told.Since, told.Reason = lastWrite(object), "NotObserved"
		told.Message = fmt.Sprintf("generation %d has not been looked at yet", object.Generation)
		return told, false
	}
	return told, true
}

// lastWrite is when somebody last wrote the object, its status apart.
func lastWrite(object *typesv1beta1.FederatedObject) time.Time {
	last := object.CreationTimestamp.Time
	for _, entry := range object.ManagedFields {
		if entry.Subresource == "" && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
