// Package replicas decides how many replicas of an object each cluster runs.
//
// The planner is KubeFed's, which took it over from Federation v1: minima first,
// then what clusters have already, then the rest by weight, round by round, always
// rounded up, heavier clusters first and clusters of equal weight in the order of
// a hash. Two things differ from KubeFed, see Plan.
package replicas

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
)

// MaxWeight is the highest weight of a cluster: with it, the sum over as many
// clusters as there can be fits 64 bits.
const MaxWeight = math.MaxInt32

// Any is the key of the preference for clusters that have none of their own.
const Any = "*"

// Preference bounds and weighs the replicas of a cluster.
type Preference struct {
	// Min is how many replicas the cluster gets first, as long as the total lasts.
	Min int64
	// Max is the most that the cluster gets; nil is no limit.
	Max *int64
	// Weight is the share of what is left after all minima. With 0 the cluster gets
	// no more than its minimum, and what it has already.
	Weight int64
}

// Request is what Plan decides on. No number may be negative, and no preference
// may have a Max below its Min.
type Request struct {
	// Total is the number of replicas over all clusters.
	Total int64
	// Rebalance says that replicas may leave clusters in which they run. Without
	// it, Current is kept as far as it can be.
	Rebalance bool
	// Preferences by cluster; Any is for those that are not named. A cluster
	// without any preference gets nothing.
	Preferences map[string]Preference
	// Clusters to plan for, in any order.
	Clusters []string
	// Current has how many replicas run in a cluster.
	Current map[string]int64
	// Capacity has how many replicas a cluster has room for, where that is known.
	Capacity map[string]int64
	// Key identifies the object; it decides who of equal clusters gets more.
	Key string
}

// Result says where replicas go. The sum of Replicas and Overflow is never more
// than the total that was asked for.
type Result struct {
	// Replicas has every cluster of the request.
	Replicas map[string]int64
	// Overflow has how many replicas more a cluster is given than it has room for,
	// because no other cluster has room either.
	Overflow map[string]int64
	// Missing is how many replicas no cluster may have, with or without room.
	Missing int64
}

// candidate is a cluster with a preference, while it is planned for.
type candidate struct {
	name        string
	hash        uint32
	preference  Preference
	capacity    int64
	hasCapacity bool
	replicas    int64
	// kept is the part of replicas that runs there already and that its share by
	// weight has not come up to yet.
	kept     int64
	overflow int64
}

// Plan shares the total out over the clusters. It is deterministic, and the order
// of Clusters does not matter.
//
// Unlike KubeFed's planner, Overflow is what could not be placed anywhere, given
// out once, whether Rebalance is set or not: KubeFed gives it out beside what it
// placed elsewhere, so that more replicas than the total run.
//
// As in KubeFed, when clusters run more than the total, those that come first keep
// all of theirs: of 10 and 70 where 50 are wanted, 0 and 50 remain. No fewer
// replicas would be stopped by keeping 10 and 40.
func Plan(r Request) Result {
	candidates := r.candidates()
	remaining := r.Total
	for _, c := range candidates {
		c.replicas = min(c.limit(c.preference.Min), remaining)
		remaining -= c.replicas
	}
	if !r.Rebalance {
		remaining = keep(candidates, r.Current, remaining)
	}
	remaining = share(candidates, remaining)

	result := Result{Replicas: make(map[string]int64, len(r.Clusters)), Overflow: map[string]int64{}}
	for _, name := range r.Clusters {
		result.Replicas[name] = 0
	}
	for _, c := range candidates {
		result.Replicas[c.name] = c.replicas
		if more := min(c.overflow, remaining); more > 0 {
			result.Overflow[c.name] = more
			remaining -= more
		}
	}
	result.Missing = remaining
	return result
}

// candidates returns the clusters that have a preference, in the order in which
// they are served.
func (r *Request) candidates() []*candidate {
	var candidates []*candidate
	for _, name := range r.Clusters {
		preference, ok := r.Preferences[name]
		if !ok {
			preference, ok = r.Preferences[Any]
		}
		if !ok {
			continue
		}
		c := &candidate{name: name, preference: preference}
		c.capacity, c.hasCapacity = r.Capacity[name]
		hash := fnv.New32() // not 1a: the order is KubeFed's
		hash.Write([]byte(name))
		hash.Write([]byte(r.Key))
		c.hash = hash.Sum32()
		candidates = append(candidates, c)
	}
	slices.SortFunc(candidates, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.preference.Weight, a.preference.Weight), cmp.Compare(a.hash, b.hash), cmp.Compare(a.name, b.name))
	})
	return slices.CompactFunc(candidates, func(a, b *candidate) bool { return a.name == b.name })
}

// limit returns wanted, or what the cluster has room for if that is less.
func (c *candidate) limit(wanted int64) int64 {
	if c.hasCapacity {
		return min(wanted, c.capacity)
	}
	return wanted
}

// keep gives clusters what they run already, and returns what remains.
func keep(candidates []*candidate, current map[string]int64, remaining int64) int64 {
	for _, c := range candidates {
		target := current[c.name]
		if c.preference.Max != nil {
			target = min(target, *c.preference.Max)
		}
		c.kept = max(0, min(c.limit(target)-c.replicas, remaining))
		c.replicas += c.kept
		remaining -= c.kept
	}
	return remaining
}
