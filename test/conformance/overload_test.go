package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
)

var overloadRows = []row{
	{number: 4, name: "discovery latency", once: true, check: discoveryUnderLoad},
	{number: 82, name: "overload", once: true, applies: []condition{reachable}, check: overload},
}

// discoveryLimit is how long the host's aggregator waits for discovery before it takes
// the group for unavailable.
const discoveryLimit = 5 * time.Second

// discoveryUnderLoad asks for discovery, again and again, while lists are read and
// objects written. That the answers take no more than the host's limit is the rule, and
// the run around it is load too: nine of ten have to, as a busy machine may stand still
// for a while.
func discoveryUnderLoad(c *trial) {
	loaded := c.of(slices.IndexFunc(c.kinds, func(k *kind) bool { return k.key() == dnsGroup+"/domains" }))
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 8 {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				draft := loaded.draft(fmt.Sprintf("-%d-%d", i, n))
				loaded.send(request{method: http.MethodPost, path: loaded.kind.in(draft.GetNamespace()), query: query("dryRun", "All"), body: encode(loaded, draft.Object)})
				loaded.get(loaded.kind.collection())
			}
		})
	}
	defer load.Wait()
	defer close(stop)
	groups := map[string]bool{}
	for _, k := range c.kinds {
		groups[k.base()] = true
	}
	asked, slow := 0, 0
	for range 10 {
		for base := range groups {
			for _, path := range []string{"/apis", base} {
				begin := time.Now()
				found := c.send(request{method: http.MethodGet, path: path, header: map[string]string{"Accept": aggregatedDiscoveryType + ",application/json"}})
				require.Equal(c, http.StatusOK, found.code, found)
				asked++
				if time.Since(begin) > discoveryLimit {
					slow++
				}
			}
		}
	}
	require.LessOrEqual(c, slow*10, asked, "%d of %d answers took more than %s: the host takes the group for unavailable then", slow, asked, discoveryLimit)
}

// of is a trial of one kind within a row that is about the server.
func (c *trial) of(index int) *trial {
	require.GreaterOrEqual(c, index, 0, "the kind is not served")
	k := c.kinds[index]
	if k.own == "" {
		other := *k
		other.own = c.path.namespace
		k = &other
	}
	return &trial{TB: c.TB, suite: c.suite, path: c.path, kind: k, id: c.id}
}

// levelHeader names the priority level that a request was given.
const levelHeader = "X-Kubernetes-Pf-Prioritylevel-Uid"

// overload has one user ask for more at a time than its priority level allows. A
// webhook holds what was let in, so that it does not depend on speed who is refused.
func overload(c *trial) {
	const flood = 40
	about := c.of(slices.IndexFunc(c.kinds, func(k *kind) bool { return k.key() == dnsGroup+"/domains" }))
	name := c.suite.guards.value(c.path.name + "-flood")
	user, greedy := c.suite.guards.account(c.TB, c.path, "greedy-"+c.path.name)
	_, modest := c.suite.guards.account(c.TB, c.path, "modest-"+c.path.name)
	level := c.limitUser(name, user)
	list := request{method: http.MethodGet, path: about.everywhere(), query: query("limit", "1")}
	c.eventually("the user to have a level of its own", func() bool {
		return slices.Contains(greedy.send(c.TB, list).header.Values(levelHeader), string(level))
	})

	held := about.guarded(webhookHolds, "-held")
	write := request{method: http.MethodPost, path: about.kind.in(held.GetNamespace()), query: query("dryRun", "All"), body: encode(c, held.Object)}
	// The webhook must be in force, or nothing is held.
	c.eventually("the webhook to hold", func() bool {
		probe := make(chan struct{})
		var probing sync.WaitGroup
		probing.Go(func() {
			defer close(probe)
			greedy.send(c.TB, write)
		})
		select {
		case <-probe:
			return false
		case <-c.suite.guards.hooks.waiting(held.GetName()):
			return true
		}
	})
	answers := make(chan *response, flood)
	var group sync.WaitGroup
	for range flood {
		group.Go(func() { answers <- greedy.send(c.TB, write) })
	}
	release := sync.OnceFunc(func() { close(c.suite.guards.hooks.gate(held.GetName())) })
	defer group.Wait()
	defer release()

	refused := <-answers
	// The body is plain text, as of every Kubernetes API server.
	require.Equal(c, http.StatusTooManyRequests, refused.code, refused)
	wait, err := strconv.Atoi(refused.header.Get("Retry-After"))
	require.NoError(c, err, "Retry-After says when to come again")
	require.Positive(c, wait)
	// While the one waits, others do not: neither users of other levels nor the system.
	for _, other := range []*path{modest, c.path} {
		served := other.send(c.TB, list)
		require.Equal(c, http.StatusOK, served.code, served)
		require.NotContains(c, served.header.Values(levelHeader), string(level))
	}
	require.Equal(c, http.StatusTooManyRequests, greedy.send(c.TB, list).code, "the level is full")

	release()
	group.Wait()
	close(answers)
	served := 0
	for answer := range answers {
		if answer.code == http.StatusCreated {
			served++
			continue
		}
		require.Equal(c, http.StatusTooManyRequests, answer.code, answer)
	}
	require.Less(c, served, flood-1)
	c.eventually("the user to be served again", func() bool { return greedy.send(c.TB, list).code == http.StatusOK })
}

// limitUser gives a user the smallest priority level that there is, which lends and
// borrows nothing and lets nobody wait, and returns its UID.
func (c *trial) limitUser(name, user string) types.UID {
	const group = "/apis/flowcontrol.apiserver.k8s.io/v1/"
	made := c.suite.makeInHost(c.TB, group+"prioritylevelconfigurations", fmt.Sprintf(`
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: %s}
spec:
  type: Limited
  limited: {nominalConcurrencyShares: 1, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}`, name))
	c.suite.makeInHost(c.TB, group+"flowschemas", fmt.Sprintf(`
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: %s}
spec:
  priorityLevelConfiguration: {name: %s}
  matchingPrecedence: 100
  distinguisherMethod: {type: ByUser}
  rules:
  - subjects: [{kind: User, user: {name: %q}}]
    resourceRules: [{apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true, verbs: ["*"]}]`, name, name, user))
	return made.object(c.TB).GetUID()
}
