package soak

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

const (
	// home is a namespace that is federated to all clusters all the time, so that what is nobody's business can be there.
	home = "soak-home"
	// wandering is a namespace whose placement changes.
	wandering = "soak-wandering"
	// unfederated is a namespace of the host that has no FederatedNamespace, so that nothing in it is propagated.
	unfederated = "soak-unfederated"
	// tampering begins the values that somebody writes into copies, and names what they add.
	tampering = "tampered-"
)

// dice are the random choices of one actor. The same seed makes the same choices, whatever comes of them.
type dice struct{ *rand.Rand }

func newDice(seed uint64, round int, actor string) dice {
	stream := uint64(round) << 32
	for _, c := range actor {
		stream = stream*31 + uint64(c)
	}
	return dice{rand.New(rand.NewPCG(seed, stream))}
}

// chance is true in a share of the cases.
func (d dice) chance(share float64) bool { return d.Float64() < share }

// between is a time of a range.
func (d dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)))
}

func pick[T any](d dice, choices ...T) T { return choices[d.IntN(len(choices))] }

// keysOf are the objects that an editor owns: nobody else edits them, so that the order of edits is known.
func keysOf(editor int) []key {
	var keys []key
	for _, namespace := range []string{home, wandering} {
		for i := range 4 {
			keys = append(keys, key{configMaps, namespace, fmt.Sprintf("c%d-%d", editor, i)})
		}
		for i := range 2 {
			keys = append(keys, key{secrets, namespace, fmt.Sprintf("c%d-%d", editor, i)})
		}
	}
	return append(keys,
		key{deployments, home, fmt.Sprintf("c%d", editor)},
		key{configMaps, unfederated, fmt.Sprintf("c%d", editor)})
}

// selector is one by the labels that clusters have in this test.
func (d dice) selector() map[string]string {
	switch d.IntN(4) {
	case 0:
		return map[string]string{}
	case 1:
		return map[string]string{"ring": pick(d, "0", "1")}
	default:
		return map[string]string{"tier": pick(d, "a", "b")}
	}
}

// place chooses a placement.
func (d dice) place(v *value, members []string) {
	v.AllowEmpty = d.chance(0.7)
	switch n := d.IntN(20); {
	case n < 12:
		v.Selector = d.selector()
	case n < 18:
		v.Clusters = []string{}
		for _, name := range members {
			if d.chance(0.6) {
				v.Clusters = append(v.Clusters, name)
			}
		}
		if d.chance(0.3) {
			v.Selector = d.selector() // not looked at
		}
	case n < 19:
		v.Clusters = []string{}
	}
}

// object chooses what an object shall be.
func (d dice) object(k key, edit string, members []string) value {
	v := value{Edit: edit}
	if d.chance(0.2) {
		v.Absent = true
		return v
	}
	v.Orphan = d.chance(0.05)
	d.place(&v, members)
	v.Data = map[string]string{}
	switch k.Resource {
	case deployments:
		v.Data["replicas"], v.Data["image"] = strconv.Itoa(d.IntN(3)), pick(d, "one", "two", "three")
		if d.chance(0.5) {
			v.Overrides = append(v.Overrides, d.aim(override{Key: "replicas", Value: strconv.Itoa(d.IntN(3))}, members))
		}
	default:
		for i := range 5 {
			if d.chance(0.5) {
				v.Data["k"+strconv.Itoa(i)] = strconv.Itoa(d.IntN(1000))
			}
		}
		if d.chance(0.4) {
			v.Overrides = append(v.Overrides, d.aim(override{Key: "k" + strconv.Itoa(d.IntN(5)), Value: "over-" + strconv.Itoa(d.IntN(1000))}, members))
		}
		if _, ok := v.Data["k0"]; ok && len(v.Overrides) == 0 && d.chance(0.3) {
			v.Overrides = append(v.Overrides, d.aim(override{Key: "k0", Remove: true}, members))
		}
	}
	return v
}

// aim gives an override the clusters that it is for.
func (d dice) aim(o override, members []string) override {
	if d.chance(0.5) {
		o.Cluster = pick(d, members...)
	} else {
		o.Selector = d.selector()
	}
	return o
}
