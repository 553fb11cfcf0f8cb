package soak

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

var (
	seedFlag    = flag.Uint64("soak.seed", 0, "what edits and faults are made of; 0 is one that never changes, and then another each time")
	faultsFlag  = flag.Int("soak.faults", 20, "how many faults a seed makes")
	membersFlag = flag.Int("soak.members", 2, "how many members there are")
	reportFlag  = flag.String("soak.report", "", "folder for what is known of a failure; empty is a new one")
)

const (
	editors = 3
	// faultsPerRound bounds what happens between two checks.
	faultsPerRound = 80
	// answerLimit is how long a client waits for an answer.
	answerLimit = 4 * time.Second
	// settleLimit bounds how long members may take to be as they shall be.
	settleLimit  = 3 * time.Minute
	pollInterval = 250 * time.Millisecond
)

// soak is one environment, its model, and what happened.
type soak struct {
	*env.Environment
	names    []string
	host     dynamic.Interface
	members  map[string]dynamic.Interface
	gateways map[string]*gateway
	audits   []*auditLog

	seed         uint64
	model        *model
	history      *history
	faults       injected
	acknowledged atomic.Int64
	writes       int
	approvals    int

	// saved is a backup of the store, nil if there is none that can be restored.
	saved *saved
	// rejoined says that a cluster has left since.
	rejoined bool

	bystandersMu sync.Mutex
	bystanders   []bystander
}

// TestSoak makes two runs, one with a seed that never changes and one with another each time, or one with a given seed.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("needs real clusters: not with -short")
	}
	s := start(t)
	seeds := []uint64{3, rand.Uint64N(1 << 32)} // the first one wipes the store in its first round
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	for _, seed := range seeds {
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { s.run(t, seed) }) {
			break // what comes after it would fail for the same reason
		}
	}
}

// start makes the environment.
func start(t *testing.T) *soak {
	options := env.Options{Progress: progress.NewWriter(os.Stderr)}
	for i := range *membersFlag {
		options.Members = append(options.Members, fmt.Sprintf("cluster%d", i+1))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	e, err := env.Start(ctx, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Stop(context.WithoutCancel(t.Context()))) })
	s := &soak{
		Environment: e, names: options.Members, host: client(t, e.Host(), 0),
		members: map[string]dynamic.Interface{}, gateways: map[string]*gateway{}, history: &history{},
	}
	for _, member := range e.Members() {
		s.members[member.Name()] = client(t, member, answerLimit)
		s.audits = append(s.audits, &auditLog{member: member.Name(), path: member.AuditLog()})
		makeNamespace(t, s.members[member.Name()], outside)
	}
	for _, name := range []string{home, wandering, unfederated} {
		makeNamespace(t, s.host, name)
	}
	// The other members are reached without a gateway, so that broken connections are seen as such.
	first := e.Members()[0]
	g, err := newGateway(first)
	require.NoError(t, err)
	t.Cleanup(g.close)
	s.gateways[first.Name()] = g
	require.NoError(t, s.redirect(ctx, first.Name(), g))
	require.NoError(t, s.probeOften(ctx))
	return s
}

// probeOften has the federation look after its members more often than by default.
func (s *soak) probeOften(ctx context.Context) error {
	config := `{"spec":{"clusterHealthCheck":{"period":"1s","timeout":"2s"}}}`
	_, err := s.host.Resource(configResource).Namespace(env.SystemNamespace).Patch(ctx, "kubefed", types.MergePatchType, []byte(config), metav1.PatchOptions{})
	return err
}

func client(t *testing.T, c *env.Cluster, timeout time.Duration) dynamic.Interface {
	t.Helper()
	config := c.Config()
	config.Timeout, config.WarningHandler = timeout, rest.NoWarnings{}
	made, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return made
}

// newClient is that of one who edits: it has connections of its own, and does not wait for ever.
func (s *soak) newClient() dynamic.Interface {
	config := s.Host().Config()
	config.Timeout, config.WarningHandler = answerLimit, rest.NoWarnings{}
	made, err := dynamic.NewForConfig(config)
	if err != nil {
		panic(err) // the same configuration has made others
	}
	return made
}

func makeNamespace(t *testing.T, client dynamic.Interface, name string) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	_, err := client.Resource(resources[namespaces].copies).Create(t.Context(), object, metav1.CreateOptions{})
	require.NoError(t, err)
}

// run is one seed: rounds of edits and faults, and the removal of everything.
func (s *soak) run(t *testing.T, seed uint64) {
	s.seed, s.model = seed, newModel(s.names)
	s.faults = injected{byName: map[string]int{}}
	s.acknowledged.Store(0)
	s.writes, s.approvals, s.saved = 0, 0, nil
	began := time.Now()
	s.check(t, s.prepare(t.Context()))
	for round := 1; s.faults.total < *faultsFlag; round++ {
		s.history.begin(round)
		s.model.begin()
		planned := min(faultsPerRound, max(*faultsFlag-s.faults.total, 5))
		budgets := wideBudgets
		if hasDefaultBudgets(round) {
			budgets = defaultBudgets
		}
		s.model.mu.Lock()
		s.model.cautious = hasDefaultBudgets(round)
		s.model.mu.Unlock()
		s.check(t, s.setBudgets(t.Context(), budgets))
		s.disturb(t.Context(), round, planned)
		s.check(t, s.heal(t.Context()))
		s.check(t, s.await(t.Context(), "members to equal the intent", s.converge))
		s.check(t, s.conclude(t.Context(), hasDefaultBudgets(round)))
		s.check(t, s.turnBack(t.Context(), round))
		t.Logf("round %d: %d faults, %d edits acknowledged, %d writes of the federation in members, %d approvals, after %s", round, s.faults.total,
			s.acknowledged.Load(), s.writes, s.approvals, time.Since(began).Round(time.Second))
	}
	s.model.begin()
	s.check(t, s.setBudgets(t.Context(), wideBudgets))
	s.check(t, s.clear(t.Context()))
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range s.faults.byName {
			if !yield(name) {
				return
			}
		}
	}) {
		t.Logf("%5d %s", s.faults.byName[name], name)
	}
	t.Logf("seed %d: survived %d faults in %s: %d edits, %d writes of the federation in members, each with a cause", seed, s.faults.total,
		time.Since(began).Round(time.Second), s.acknowledged.Load(), s.writes)
}

// prepare makes the namespace that is federated everywhere, and what nobody may touch.
func (s *soak) prepare(ctx context.Context) error {
	s.model.mu.Lock()
	for name, t := range s.model.clusters {
		t.settle(membership{Joined: true}, time.Now())
		// Labels are those of the join, or of the run before.
		object, err := s.host.Resource(clusterResource).Namespace(env.SystemNamespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			s.model.mu.Unlock()
			return err
		}
		t.settle(membership{Joined: true, Labels: object.GetLabels()}, time.Now())
	}
	s.model.mu.Unlock()
	everywhere := value{Edit: fmt.Sprintf("prepare-%d", s.seed), Selector: map[string]string{}, Data: map[string]string{"soak": "home"}}
	s.edit(ctx, s.newClient(), "prepare", key{namespaces, home, home}, everywhere)
	if err := s.await(ctx, "the namespace to be everywhere", s.converge); err != nil {
		return err
	}
	for _, member := range s.names {
		for _, resource := range []string{configMaps, secrets} {
			for namespace, names := range map[string][]string{home: {"nobodys"}, outside: {"c0-0", "c1-0"}} {
				for _, name := range names {
					if err := s.createBystander(ctx, member, resource, namespace, name); err != nil && !apierrors.IsAlreadyExists(err) {
						return err
					}
				}
			}
		}
	}
	return s.conclude(ctx, false)
}

// disturb lets everybody work until the faults are over.
func (s *soak) disturb(ctx context.Context, round, planned int) {
	working, stop := context.WithCancel(ctx)
	var actors sync.WaitGroup
	for i := range editors {
		actors.Go(func() { s.runEditor(working, round, i) })
	}
	actors.Go(func() { s.runTamperer(working, round) })
	actors.Go(func() { s.runAdministrator(working, round) })
	actors.Go(func() { s.runKubelet(working) })
	s.runFaults(ctx, round, planned)
	stop()
	actors.Wait()
}

// heal starts what does not run, and completes what the administrator could not.
func (s *soak) heal(ctx context.Context) error {
	if err := s.await(ctx, "everything to run again", s.Restore); err != nil {
		return err
	}
	if err := s.await(ctx, "types to be propagated again", func(ctx context.Context) error {
		return s.startTypes(ctx, s.host, configMaps, secrets, deployments)
	}); err != nil {
		return err
	}
	for _, name := range s.names {
		if err := s.await(ctx, name+" to be a member", func(ctx context.Context) error { return s.ensureJoined(ctx, name) }); err != nil {
			return err
		}
	}
	return nil
}

// ensureJoined joins a cluster that is none of the federation, or half of one.
func (s *soak) ensureJoined(ctx context.Context, name string) error {
	s.model.mu.Lock()
	disturbed := slices.ContainsFunc(s.model.clusters[name].spans, func(s *span[membership]) bool { return !s.value.Joined })
	s.model.mu.Unlock()
	if disturbed {
		s.rejoined = true
		if err := s.join(ctx, name); err != nil {
			return err
		}
	}
	return s.AwaitReady(ctx, clusterResource, env.SystemNamespace, name)
}

// await repeats try until it succeeds, and returns what was wrong last when time runs out.
func (s *soak) await(ctx context.Context, what string, try func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollInterval, settleLimit, true, func(ctx context.Context) (bool, error) {
		err := try(ctx)
		if last == nil || err == nil || ctx.Err() == nil {
			last = err // that time ran out is known
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waited in vain for %s: %w:\n%w", what, err, last)
	}
	return nil
}

// conclude checks what the federation wrote, and makes the next round begin with what is true now.
func (s *soak) conclude(ctx context.Context, budgeted bool) error {
	if err := s.checkWrites(budgeted); err != nil {
		return err
	}
	if err := s.await(ctx, "leftovers to be swept", s.sweep); err != nil {
		return err
	}
	s.settle()
	return nil
}

// clear deletes everything: nothing may be left in the members but what is nobody's business.
func (s *soak) clear(ctx context.Context) error {
	var spaces []key
	s.model.mu.Lock()
	var all []key
	for k := range s.model.objects {
		if k.Resource == namespaces {
			spaces = append(spaces, k)
		} else {
			all = append(all, k)
		}
	}
	s.model.mu.Unlock()
	for _, k := range append(all, spaces...) {
		if k.Namespace == home && k.Resource == namespaces {
			continue // what is nobody's business is in it
		}
		s.edit(ctx, s.host, "clear", k, value{Edit: "clear", Absent: true})
	}
	if err := s.await(ctx, "members to be empty", s.converge); err != nil {
		return err
	}
	return s.conclude(ctx, false)
}
