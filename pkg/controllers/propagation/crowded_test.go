package propagation

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// TestReportsOfCrowdsWait says when a report of what is known so far is put off. Most
// objects of a burst began long ago: what counts is for how long there has been
// something to say.
func TestReportsOfCrowdsWait(t *testing.T) {
	const minute = time.Minute
	tests := map[string]struct {
		copies, answered, stuck int
		began, unreported       time.Duration
		postponed               bool
	}{
		"few, all at work":                          {copies: 3, answered: 1, unreported: time.Second, postponed: true},
		"few, one of them hangs":                    {copies: 3, answered: 2, stuck: 1, unreported: time.Second},
		"few, begun long ago":                       {copies: 3, answered: 1, began: minute, unreported: time.Second, postponed: true},
		"few, answered long ago":                    {copies: 3, answered: 1, unreported: 6 * time.Second},
		"many, answered as long ago":                {copies: 100, answered: 40, began: minute, unreported: 25 * time.Second, postponed: true},
		"many, answered still longer ago":           {copies: 100, answered: 40, began: minute, unreported: 31 * time.Second},
		"very many, one hangs while others work":    {copies: 1000, answered: 100, stuck: 1, began: minute, unreported: 20 * time.Second, postponed: true},
		"very many, and nothing but what hangs":     {copies: 1000, answered: 999, stuck: 1, began: minute, unreported: 6 * time.Second},
		"very many, answered as long ago as may be": {copies: 1000, answered: 100, began: minute, unreported: 31 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			c := &Controller{ledger: newLedger(), workers: map[string]*memberWorker{}, config: Config{ReportInterval: time.Second, LongestReportInterval: 5 * time.Second}}
			obj := &typesv1beta1.FederatedObject{}
			obj.Generation, obj.UID = 1, "u"
			key := objectKey{kind: "configmaps", NamespacedName: types.NamespacedName{Namespace: "team", Name: "web"}}
			c.ledger.began(key, obj.UID, now.Add(-max(test.began, test.unreported)))
			for i := range test.copies {
				cluster := fmt.Sprintf("c%04d", i)
				obj.Status.Clusters = append(obj.Status.Clusters, typesv1beta1.ClusterStatus{Name: cluster})
				w := &memberWorker{}
				c.workers[cluster] = w
				w.done.Store(now.Add(-time.Millisecond).UnixNano())
				c.ledger.request(key, obj, cluster, now)
				switch {
				case i < test.answered:
					c.ledger.finish(key, obj.UID, cluster, &result{generation: 1}, true, false)
				case i < test.answered+test.stuck:
					w.done.Store(now.Add(-minute).UnixNano())
				}
			}
			c.ledger.arm(key, obj.UID, now.Add(-test.unreported), c.reportInterval(obj))
			p := &pass{c: c, key: key, obj: obj}
			require.Equal(t, test.postponed, p.postponed(c.ledger.snapshot(key, obj.UID, now), now))
		})
	}
}

// TestTheWaitForReportsIsBounded says how long a report waits in the end.
func TestTheWaitForReportsIsBounded(t *testing.T) {
	for copies, want := range map[int][2]time.Duration{
		3:    {1030 * time.Millisecond, 5750 * time.Millisecond},
		10:   {1100 * time.Millisecond, 7500 * time.Millisecond},
		100:  {2 * time.Second, 30 * time.Second},
		500:  {6 * time.Second, 30 * time.Second},
		5000: {6 * time.Second, 30 * time.Second},
	} {
		require.Equal(t, want, [2]time.Duration{stretched(time.Second, copies, crowd), stretched(5*time.Second, copies, crowdAtWork)}, copies)
	}
}

// TestTheLedgerCountsWhatIsOpen holds the count against the copies, whatever happens
// to them in whatever order.
func TestTheLedgerCountsWhatIsOpen(t *testing.T) {
	key := objectKey{kind: "configmaps", NamespacedName: types.NamespacedName{Namespace: "team", Name: "web"}}
	obj := &typesv1beta1.FederatedObject{}
	obj.UID = "u"
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		cluster := rapid.SampledFrom([]string{"a", "b", "c"})
		var taken snapshot
		t.Repeat(map[string]func(*rapid.T){
			"request": func(t *rapid.T) { l.request(key, obj, cluster.Draw(t, "cluster"), time.Now()) },
			"wait":    func(t *rapid.T) { l.wait(key, obj.UID, cluster.Draw(t, "cluster")) },
			"settle":  func(t *rapid.T) { l.settle(key, cluster.Draw(t, "cluster")) },
			"idle": func(t *rapid.T) {
				l.idle(key, obj.UID, cluster.Draw(t, "cluster"), rapid.IntRange(0, 3).Draw(t, "began"))
			},
			"begin":    func(t *rapid.T) { l.begin(key, obj.UID, cluster.Draw(t, "cluster")) },
			"end":      func(t *rapid.T) { l.end(key, obj.UID, cluster.Draw(t, "cluster")) },
			"forget":   func(t *rapid.T) { l.forgetCluster(cluster.Draw(t, "cluster")) },
			"snapshot": func(*rapid.T) { taken = l.snapshot(key, obj.UID, time.Now()) },
			"reported": func(*rapid.T) { l.reported(key, obj.UID, taken) },
			"finish": func(t *rapid.T) {
				l.finish(key, obj.UID, cluster.Draw(t, "cluster"), &result{}, rapid.Bool().Draw(t, "settled"), rapid.Bool().Draw(t, "again"))
			},
			"": func(t *rapid.T) {
				r := l.records[key]
				if r == nil {
					return
				}
				open := 0
				for _, c := range r.copies {
					if !c.settled {
						open++
					}
				}
				require.Equal(t, open, r.open)
			},
		})
	})
}
