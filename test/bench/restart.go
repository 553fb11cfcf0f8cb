package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// restartResults are what a server does that was killed and is started again.
type restartResults struct {
	options
	// First is how long the first propagation of all objects took, Ready how long it
	// took after the start until all of them were known to be as they shall be.
	First time.Duration `json:"firstNanos"`
	Ready time.Duration `json:"readyNanos"`
	// Writes to the members, and of the server to its own store.
	Writes    float64 `json:"memberWrites"`
	Revisions int64   `json:"revisions"`
	// ByVerb are the requests for the objects' type that the members got.
	ByVerb map[string]float64 `json:"memberRequests"`
}

// writing are the verbs of requests that write.
var writing = []string{"APPLY", "PATCH", "POST", "PUT", "DELETE", "DELETECOLLECTION"}

// measureRestart kills the server when all objects are in all members, starts it, and
// waits until it has looked at all of them.
func (b *bench) measureRestart(ctx context.Context) (*restartResults, error) {
	if err := b.federateNamespace(ctx); err != nil {
		return nil, err
	}
	r := &restartResults{options: b.options, ByVerb: map[string]float64{}}
	b.reporter.Status("%d objects to %d members", b.objects, len(b.members))
	began := time.Now()
	if err := b.each(ctx, b.objects, b.inFlight, func(ctx context.Context, i int) error {
		return b.federate(ctx, opCreate, i, "restart")
	}); err != nil {
		return nil, err
	}
	if err := b.awaitRecovered(ctx); err != nil {
		return nil, err
	}
	r.First = time.Since(began)
	if err := b.awaitLookedAt(ctx); err != nil {
		return nil, err
	}
	before, err := b.usage(ctx)
	if err != nil {
		return nil, err
	}

	b.reporter.Status("killed, and started again")
	if err := b.env.Federation().Kill(ctx); err != nil {
		return nil, fmt.Errorf("kill the server: %w", err)
	}
	began = time.Now()
	if err := b.env.Federation().Start(ctx); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	if err := b.awaitLookedAt(ctx); err != nil {
		return nil, err
	}
	r.Ready = time.Since(began)
	after, err := b.usage(ctx)
	if err != nil {
		return nil, err
	}
	r.Revisions = after.revision - before.revision
	for verb, number := range after.requests {
		if made := number - before.requests[verb]; made > 0 {
			r.ByVerb[verb] = made
		}
	}
	for _, verb := range writing {
		r.Writes += r.ByVerb[verb]
	}
	b.reporter.Step("the server has looked at all objects again")
	return r, nil
}

// awaitLookedAt waits until the server has all objects in its caches, watches all
// copies, and has nothing in its queues.
func (b *bench) awaitLookedAt(ctx context.Context) error {
	ctx, cancel := within(ctx)
	defer cancel()
	// A queue may be empty for a moment before what fills it.
	const sure = 10
	for quiet := 0; quiet < sure; {
		quiet++
		if why, err := b.isBusy(ctx); err != nil || why != "" {
			quiet = 0
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the server has looked at all objects: %w", context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// isBusy says by the server's metrics what it has not done yet, empty: nothing.
func (b *bench) isBusy(ctx context.Context) (why string, err error) {
	client, err := b.serverClient()
	if err != nil {
		return "", err
	}
	data, err := client.Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("read the server's metrics: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("read the server's metrics: %w", err)
	}
	sum := func(name string, matching map[string]string) (sum float64) {
		for _, metric := range families[name].GetMetric() {
			if has(metric, matching) {
				sum += metric.GetGauge().GetValue()
			}
		}
		return sum
	}
	queues := []string{"propagation_objects"}
	for _, member := range b.memberNames() {
		queues = append(queues, "propagation_member_"+member)
	}
	for _, queue := range queues {
		if sum("workqueue_depth", map[string]string{"name": queue}) > 0 {
			return queue + " is not empty", nil
		}
	}
	switch {
	case sum("federation_member_types", map[string]string{"state": "watched"}) == 0,
		sum("federation_member_types", map[string]string{"state": "listing"}) > 0:
		return "copies are being listed", nil
	case sum("federation_objects", map[string]string{"type": b.workload.name, "state": "ready"}) != float64(b.objects):
		return "not all objects are known", nil
	}
	return "", nil
}

func has(metric *dto.Metric, labels map[string]string) bool {
	found := 0
	for _, label := range metric.GetLabel() {
		if value, ok := labels[label.GetName()]; ok && value == label.GetValue() {
			found++
		}
	}
	return found == len(labels)
}

func (r *restartResults) print(out io.Writer) {
	fmt.Fprintf(out, "%d %s in %d members, the server killed and started again\n\n", r.objects, workloads[r.kind].title, r.members)
	fmt.Fprintf(out, "the first propagation took %.1f s; all was known and looked at %.1f s after the start (ratio %.2f)\n",
		r.First.Seconds(), r.Ready.Seconds(), r.Ready.Seconds()/r.First.Seconds())
	fmt.Fprintf(out, "requests to members: %s; writes to the server's own store: %d\n\n", listed(r.ByVerb, "%.0f"), r.Revisions)
	printBudgets(out, r.budgets())
}

func (r *restartResults) write() error {
	rows := [][]string{{"firstSeconds", "readySeconds", "memberWrites", "revisions"},
		numbers(r.First.Seconds(), r.Ready.Seconds(), r.Writes, float64(r.Revisions))}
	summary := struct {
		*restartResults
		Members int      `json:"members"`
		Objects int      `json:"objects"`
		Budgets []budget `json:"budgets"`
	}{r, r.members, r.objects, r.budgets()}
	return writeFiles(r.output, fmt.Sprintf("restart-%s-%d", r.kind, r.members), summary, rows)
}

func (r *restartResults) budgets() []budget {
	return []budget{atMost("writes to members after a restart", "writes", r.Writes, 0)}
}

func isNotReady(cluster unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(cluster.Object, "status", "conditions")
	return !slices.ContainsFunc(conditions, func(item any) bool {
		condition, ok := item.(map[string]any)
		return ok && condition["type"] == string(corev1beta1.ClusterReady) && condition["status"] == string(metav1.ConditionTrue)
	})
}
