package removals_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
)

var (
	began  = time.Unix(1_700_000_000, 0)
	limits = removals.Limits{Interval: 10 * time.Minute, ClustersPerObject: intstr.FromString("10%"), Objects: intstr.FromString("5%"),
		Confirm: []string{"namespaces"}}
)

func names(n int) sets.Set[string] {
	clusters := sets.New[string]()
	for i := range n {
		clusters.Insert(fmt.Sprintf("c%02d", i))
	}
	return clusters
}

func yes() bool { return true }

func no() bool { return false }

func paused(reason string, clusters ...string) *typesv1beta1.PausedRemoval {
	return &typesv1beta1.PausedRemoval{Reason: reason, Clusters: clusters, Since: metav1.NewTime(began), Hash: removals.Hash("u1", clusters, began)}
}

func TestLimits(t *testing.T) {
	for _, row := range []struct {
		of      intstr.IntOrString
		whole   int
		cluster int
		objects int
	}{
		{intstr.FromString("10%"), 3, 1, 20},
		{intstr.FromString("10%"), 19, 1, 20},
		{intstr.FromString("10%"), 50, 5, 20},
		{intstr.FromString("5%"), 1000, 50, 50},
		{intstr.FromString("0%"), 1000, 1, 20},
		{intstr.FromString("100%"), 3, math.MaxInt, math.MaxInt},
		{intstr.FromString("much"), 1000, 0, 0},
		{intstr.FromInt32(0), 1000, 0, 0},
		{intstr.FromInt32(7), 2, 7, 7},
	} {
		l := removals.Limits{ClustersPerObject: row.of, Objects: row.of}
		require.Equal(t, row.cluster, l.Clusters(row.whole), "%s of %d clusters", row.of.String(), row.whole)
		require.Equal(t, row.objects, l.Total(row.whole), "%s of %d objects", row.of.String(), row.whole)
	}
	require.True(t, limits.Confirms("namespaces", false))
	require.False(t, limits.Confirms("namespaces", true))
	require.False(t, limits.Confirms("configmaps", false))
	require.True(t, (&removals.Limits{ConfirmDeletion: []string{removals.All}}).Confirms("configmaps", true))
}

func TestPercentage(t *testing.T) {
	for text, want := range map[string]int{"0%": 0, "5%": 5, "100%": 100, "5": -1, "%": -1, "": -1, "101%": -1, "-1%": -1, "+1%": -1, "1.5%": -1, " 5%": -1, "5 %": -1} {
		percent, ok := removals.Percentage(text)
		require.Equal(t, want >= 0, ok, text)
		if ok {
			require.Equal(t, want, percent, text)
		}
	}
}

func TestDecide(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*removals.Case)
		admit  func() bool
		// granted is how many go; reason is of the pause of the other ones.
		granted int
		reason  string
	}{
		"nothing to remove": {change: func(c *removals.Case) { c.Pending = names(0) }},
		"nothing to remove any more ends a pause": {change: func(c *removals.Case) {
			c.Pending, c.Paused = names(0), paused(typesv1beta1.ReasonBlastRadiusExceeded, "c00", "c01")
		}},
		"one of three":               {change: func(c *removals.Case) {}, granted: 1},
		"two of three":               {change: func(c *removals.Case) { c.Pending = names(2) }, reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"five of fifty":              {change: func(c *removals.Case) { c.Pending, c.Had = names(5), 50 }, granted: 5},
		"six of fifty: none at all":  {change: func(c *removals.Case) { c.Pending, c.Had = names(6), 50 }, reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"another one soon after":     {change: func(c *removals.Case) { c.Spent = sets.New("c01") }, reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"the same one again":         {change: func(c *removals.Case) { c.Spent = sets.New("c00") }, granted: 1},
		"the only one":               {change: func(c *removals.Case) { c.Had, c.Empty = 1, true }, granted: 1},
		"all of two":                 {change: func(c *removals.Case) { c.Pending, c.Had, c.Empty = names(2), 2, true }, reason: typesv1beta1.ReasonEmptyPlacement},
		"all of two, as it is meant": {change: func(c *removals.Case) { c.Pending, c.Had, c.Empty, c.AllowEmpty = names(2), 2, true, true }, granted: 2},
		"meant to be empty, and is not": {change: func(c *removals.Case) { c.Pending, c.AllowEmpty = names(2), true },
			reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"meant, but too many objects": {change: func(c *removals.Case) { c.Pending, c.Had, c.Empty, c.AllowEmpty = names(2), 2, true, true },
			admit: no, reason: typesv1beta1.ReasonGlobalBudgetExceeded},
		"too many objects":    {change: func(c *removals.Case) {}, admit: no, reason: typesv1beta1.ReasonGlobalBudgetExceeded},
		"to be confirmed":     {change: func(c *removals.Case) { c.Confirm = true }, reason: typesv1beta1.ReasonConfirmationRequired},
		"to be confirmed all": {change: func(c *removals.Case) { c.Confirm, c.Empty, c.AllowEmpty = true, true, true }, reason: typesv1beta1.ReasonConfirmationRequired},
		"deleted":             {change: func(c *removals.Case) { c.Pending, c.Deleted, c.Empty = names(3), true, true }, admit: no, granted: 3},
		"deleted, to be confirmed": {change: func(c *removals.Case) { c.Pending, c.Deleted, c.Confirm = names(3), true, true },
			reason: typesv1beta1.ReasonConfirmationRequired},
		"deleted while paused": {change: func(c *removals.Case) {
			c.Pending, c.Deleted, c.Paused = names(3), true, paused(typesv1beta1.ReasonBlastRadiusExceeded, "c00", "c01", "c02")
		}, granted: 3},
		"a pause is sticky": {change: func(c *removals.Case) { c.Paused = paused(typesv1beta1.ReasonBlastRadiusExceeded, "c00", "c01") },
			reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"a pause is not taken out of the budget again": {change: func(c *removals.Case) { c.Paused = paused(typesv1beta1.ReasonGlobalBudgetExceeded, "c00") },
			admit: func() bool { panic("asked for room") }, reason: typesv1beta1.ReasonGlobalBudgetExceeded},
		"a pause ends when it is said to be meant": {change: func(c *removals.Case) {
			c.Pending, c.Had, c.Empty, c.AllowEmpty, c.Paused = names(2), 2, true, true, paused(typesv1beta1.ReasonEmptyPlacement, "c00", "c01")
		}, granted: 2},
		"approved": {change: func(c *removals.Case) {
			c.Pending, c.Paused = names(2), paused(typesv1beta1.ReasonBlastRadiusExceeded, "c00", "c01")
			c.Approval = c.Paused.Hash
		}, admit: func() bool { panic("asked for room") }, granted: 2},
		"approved, though to be confirmed": {change: func(c *removals.Case) {
			c.Confirm, c.Paused = true, paused(typesv1beta1.ReasonConfirmationRequired, "c00")
			c.Approval = c.Paused.Hash
		}, granted: 1},
		"another list is approved": {change: func(c *removals.Case) {
			c.Pending, c.Paused = names(2), paused(typesv1beta1.ReasonBlastRadiusExceeded, "c00", "c01")
			c.Approval = removals.Hash("u1", []string{"c00"}, began)
		}, reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"the list of an earlier pause is approved": {change: func(c *removals.Case) {
			c.Pending, c.Paused = names(2), paused(typesv1beta1.ReasonBlastRadiusExceeded, "c00", "c01")
			c.Approval = removals.Hash("u1", []string{"c00", "c01"}, began.Add(-time.Hour))
		}, reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"a hash that is not that of its list": {change: func(c *removals.Case) {
			c.Pending, c.Paused = names(2), paused(typesv1beta1.ReasonBlastRadiusExceeded, "c00", "c01")
			c.Paused.Clusters, c.Approval = []string{"c00", "c01", "c02"}, c.Paused.Hash
		}, reason: typesv1beta1.ReasonBlastRadiusExceeded},
		"approved before": {change: func(c *removals.Case) { c.Pending, c.Approved = names(3), []string{"c00", "c01", "c02"} }, granted: 3},
		"one more than approved before": {change: func(c *removals.Case) { c.Pending, c.Approved = names(3), []string{"c00", "c01"} },
			granted: 3},
		"two more than approved before": {change: func(c *removals.Case) { c.Pending, c.Approved = names(4), []string{"c00", "c01"} },
			granted: 2, reason: typesv1beta1.ReasonBlastRadiusExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			c := &removals.Case{UID: "u1", Pending: names(1), Spent: sets.New[string](), Had: 3}
			row.change(c)
			admit := row.admit
			if admit == nil {
				admit = yes
			}
			v := removals.Decide(c, &limits, admit, began.Add(time.Minute))
			require.Len(t, v.Granted, row.granted)
			if row.reason == "" {
				require.Nil(t, v.Paused)
				return
			}
			require.NotNil(t, v.Paused)
			require.Equal(t, row.reason, v.Paused.Reason)
			require.ElementsMatch(t, c.Pending.Difference(v.Granted).UnsortedList(), v.Paused.Clusters)
			require.Equal(t, removals.Hash("u1", v.Paused.Clusters, v.Paused.Since.Time), v.Paused.Hash)
			require.True(t, removals.IsHash(v.Paused.Hash))
			if c.Paused != nil {
				require.Equal(t, c.Paused.Since, v.Paused.Since, "it is the same pause")
			}
		})
	}
}

// An object that is changed at random, step by step, with a clock that goes on.
func TestNothingGoesBeyondTheBudgetWithoutAnApproval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 30).Draw(t, "clusters")
		all := sets.List(names(total))
		there, selected := names(total), names(total)
		c := &removals.Case{UID: "u1"}
		recent, now := map[string]time.Time{}, began
		window := &removals.Window{}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
			for _, name := range all {
				if rapid.IntRange(0, 5).Draw(t, "flip") == 0 {
					if selected.Has(name) {
						selected.Delete(name)
					} else {
						selected.Insert(name)
						there.Insert(name)
					}
				}
			}
			c.Pending, c.Spent = there.Difference(selected), sets.New[string]()
			for name, at := range recent {
				if now.Sub(at) < limits.Interval {
					c.Spent.Insert(name)
				}
			}
			c.Had, c.Empty, c.AllowEmpty = there.Union(c.Spent).Len(), selected.Len() == 0, rapid.Bool().Draw(t, "allowEmpty")
			approves := c.Paused != nil && rapid.Bool().Draw(t, "approve")
			if approves {
				c.Approval = c.Paused.Hash
			}
			before := c.Paused
			v := removals.Decide(c, &limits, func() bool { return window.Admit("u1", now, limits.Interval, limits.Total(1)) }, now)

			// Nothing is lost between the two, and nothing is in both.
			held := sets.New[string]()
			if v.Paused != nil {
				held.Insert(v.Paused.Clusters...)
				require.NotEmpty(t, v.Paused.Clusters, "a pause of nothing")
			}
			require.True(t, v.Granted.Union(held).Equal(c.Pending))
			require.Empty(t, v.Granted.Intersection(held))

			approved := sets.New(v.Approved...)
			require.True(t, v.Granted.IsSuperset(approved))
			if approves {
				require.True(t, approved.Equal(c.Pending.Intersection(sets.New(before.Clusters...))), "what was listed is what goes")
			} else {
				require.Empty(t, approved)
			}
			counted := v.Granted.Difference(approved)
			if counted.Len() > 0 && (!c.Empty || !c.AllowEmpty) {
				require.LessOrEqual(t, counted.Union(c.Spent).Len(), limits.Clusters(c.Had), "more than the budget went")
				require.False(t, c.Empty && counted.Len() > 1, "a placement was emptied")
			}
			there = there.Difference(v.Granted)
			for name := range counted {
				recent[name] = now
			}
			c.Paused, c.Approved = v.Paused, nil
			if rapid.Bool().Draw(t, "annotation taken off") {
				c.Approval = ""
			}
		}
	})
}

func TestHash(t *testing.T) {
	base := removals.Hash("u1", []string{"a", "b"}, began)
	require.Equal(t, base, removals.Hash("u1", []string{"b", "a"}, began))
	for name, other := range map[string]string{
		"object": removals.Hash("u2", []string{"a", "b"}, began),
		"list":   removals.Hash("u1", []string{"a"}, began),
		"joint":  removals.Hash("u1", []string{"ab"}, began),
		"pause":  removals.Hash("u1", []string{"a", "b"}, began.Add(time.Second)),
	} {
		require.NotEqual(t, base, other, name)
	}
	for text, want := range map[string]bool{base: true, "": false, "true": false, base + "0": false, "0123456789ABCDEF": false, base + "\n": false} {
		require.Equal(t, want, removals.IsHash(text), "%q", text)
	}
}

func TestWindow(t *testing.T) {
	const interval = time.Minute
	var w removals.Window
	for i := range 3 {
		require.True(t, w.Admit(types.UID(fmt.Sprint(i)), began.Add(time.Duration(i)*time.Second), interval, 3))
	}
	require.False(t, w.Admit("3", began.Add(3*time.Second), interval, 3))
	require.True(t, w.Admit("0", began.Add(30*time.Second), interval, 3), "it is counted already")
	require.Equal(t, 3, w.Count(began.Add(30*time.Second), interval))

	// What was noted again counts from then on.
	later := began.Add(62 * time.Second)
	require.Equal(t, 1, w.Count(later, interval))
	w.Note("old", began)
	w.Note("new", began.Add(40*time.Second))
	require.True(t, w.Admit("3", later, interval, 3))
	require.False(t, w.Admit("4", later, interval, 3))
	w.Forget("new")
	require.True(t, w.Admit("4", later, interval, 3))
	require.Zero(t, w.Count(later.Add(interval), interval))
}
