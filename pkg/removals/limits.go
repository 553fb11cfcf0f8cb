// Package removals decides which copies of a federated object may go that nobody
// deleted: those in clusters that its placement has stopped to select.
//
// A change of one line, or of one label, can unselect everything at once. So what
// an object loses in some time has a budget, and what all of them lose has one; a
// placement that selects nothing any more is not believed at once; and what holds
// the data of others is never removed without a word. What goes beyond waits until
// somebody approves the list.
package removals

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// All stands for every type in a list of FederatedTypeConfigs.
const All = "*"

// Least that a percentage gives, so that small federations are not held up.
const (
	leastClusters = 1
	leastObjects  = 20
)

// Limits bound what may be removed without an approval. The zero value lets
// nothing go.
type Limits struct {
	// Interval in which removals are counted.
	Interval time.Duration
	// ClustersPerObject is how many copies an object may lose: a number, or a
	// percentage of those that it had.
	ClustersPerObject intstr.IntOrString
	// Objects is how many objects may lose copies: a number, or a percentage of all.
	Objects intstr.IntOrString
	// Confirm names the FederatedTypeConfigs of which each removal is to be approved,
	// ConfirmDeletion those of which even a deletion is.
	Confirm, ConfirmDeletion []string
}

// Clusters is how many copies an object may lose that had some number of them.
func (l *Limits) Clusters(had int) int { return share(l.ClustersPerObject, had, leastClusters) }

// Total is how many of all objects may lose copies.
func (l *Limits) Total(objects int) int { return share(l.Objects, objects, leastObjects) }

// Confirms says whether removals of a type are to be approved one and all; deleted
// tells whether its federated object is deleted.
func (l *Limits) Confirms(typeConfig string, deleted bool) bool {
	names := l.Confirm
	if deleted {
		names = l.ConfirmDeletion
	}
	return slices.Contains(names, typeConfig) || slices.Contains(names, All)
}

// share returns a number, or a percentage of whole but not less than least; 100%
// is no limit. What cannot be read is 0: then somebody is to be asked.
func share(of intstr.IntOrString, whole, least int) int {
	if of.Type == intstr.Int {
		return of.IntValue()
	}
	percent, ok := Percentage(of.StrVal)
	switch {
	case !ok:
		return 0
	case percent == 100:
		return math.MaxInt // there may be less of them now than have been
	}
	return max(least, int(int64(whole)*int64(percent)/100))
}

// Percentage reads a percentage of 0% to 100%, written without a sign or a
// fraction.
func Percentage(text string) (int, bool) {
	digits, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseUint(digits, 10, 7)
	return int(percent), ok && err == nil && percent <= 100
}
