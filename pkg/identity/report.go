package identity

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Effect is what a confirmation does to a copy.
type Effect string

// Effects.
const (
	// Released are copies without a federated object: the label is taken off, and
	// nothing else.
	Released Effect = "Released"
	// Removed are copies that the store says are not wanted: their federated object is
	// being deleted, or is not placed there.
	Removed Effect = "Removed"
	// MadeAgain are copies that the store says were there, and are not.
	MadeAgain Effect = "MadeAgain"
	// Changed are copies that differ from what the store has.
	Changed Effect = "Changed"
	// Adopted are copies that the store does not know of, of objects that it has.
	Adopted Effect = "Adopted"
	// Created are copies that have never been made, as far as the store knows.
	Created Effect = "Created"
)

// Effects are all of them, the gravest first.
var Effects = []Effect{Removed, MadeAgain, Changed, Released, Adopted, Created}

const (
	// namesInGroup and groupsInReport bound what is told; everything is counted.
	namesInGroup   = 10
	groupsInReport = 150
)

// Report says what a confirmation would do.
type Report struct {
	// Hash stands for all of it, with what is not named.
	Hash string `json:"hash"`
	// At is when it was made.
	At metav1.Time `json:"at"`
	// Groups, the gravest first.
	Groups []Group `json:"groups,omitempty"`
	// MoreGroups are not told.
	MoreGroups int `json:"moreGroups,omitempty"`
	// Unseen says what could not be looked at.
	Unseen []string `json:"unseen,omitempty"`
	// Clusters is how many members there are.
	Clusters int `json:"clusters"`
}

// Group is what has one effect in one cluster on objects of one type.
type Group struct {
	Effect  Effect `json:"effect"`
	Cluster string `json:"cluster"`
	Type    string `json:"type"`
	Count   int    `json:"count"`
	// Names of the first.
	Names []string `json:"names"`
}

// Collector makes a Report. It is used by one at a time.
type Collector struct {
	groups map[[3]string][]string
	unseen []string
}

// Add notes an effect on the copy of an object.
func (c *Collector) Add(effect Effect, cluster, kind, name string) {
	if c.groups == nil {
		c.groups = map[[3]string][]string{}
	}
	key := [3]string{string(effect), cluster, kind}
	c.groups[key] = append(c.groups[key], name)
}

// Unseen notes what could not be looked at.
func (c *Collector) Unseen(format string, args ...any) {
	c.unseen = append(c.unseen, fmt.Sprintf(format, args...))
}

// Report returns what was noted, of so many members.
func (c *Collector) Report(clusters int) *Report {
	r := &Report{Clusters: clusters}
	for key, names := range c.groups {
		slices.Sort(names)
		r.Groups = append(r.Groups, Group{Effect: Effect(key[0]), Cluster: key[1], Type: key[2], Count: len(names), Names: names})
	}
	slices.SortFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(slices.Index(Effects, a.Effect), slices.Index(Effects, b.Effect)),
			strings.Compare(a.Type, b.Type), strings.Compare(a.Cluster, b.Cluster))
	})
	slices.Sort(c.unseen)
	hash := sha256.New()
	for i := range r.Groups {
		group := &r.Groups[i]
		fmt.Fprintf(hash, "%s\n%s\n%s\n%q\n", group.Effect, group.Cluster, group.Type, group.Names)
		group.Names = slices.Clone(group.Names[:min(len(group.Names), namesInGroup)])
	}
	fmt.Fprintf(hash, "%q\n%d\n", c.unseen, clusters)
	r.Hash = hex.EncodeToString(hash.Sum(nil))[:16]
	r.Unseen = c.unseen
	if len(r.Unseen) > namesInGroup {
		r.Unseen = append(slices.Clone(r.Unseen[:namesInGroup]), fmt.Sprintf("and %d more", len(c.unseen)-namesInGroup))
	}
	if len(r.Groups) > groupsInReport {
		r.MoreGroups = len(r.Groups) - groupsInReport
		r.Groups = r.Groups[:groupsInReport]
	}
	return r
}
