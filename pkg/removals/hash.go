package removals

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// hashSize is the length of a hash, in bytes: enough that nobody approves another
// list by accident, and short enough to be copied.
const hashSize = 8

// HashPattern is the form of a hash.
const HashPattern = "[0-9a-f]{16}"

var hashForm = regexp.MustCompile("^" + HashPattern + "$")

// IsHash says whether a text has the form of a hash.
func IsHash(text string) bool { return hashForm.MatchString(text) }

// Hash identifies what is approved: the object with a UID, a list of clusters in
// any order, and the pause that began at a time, so that an approval is good once
// only, even if the same list comes up again.
func Hash(uid types.UID, clusters []string, since time.Time) string {
	sorted := slices.Clone(clusters)
	slices.Sort(sorted)
	digest := sha256.New()
	fmt.Fprintf(digest, "%s\n%d\n", uid, since.Unix())
	for _, cluster := range sorted {
		fmt.Fprintln(digest, cluster)
	}
	return hex.EncodeToString(digest.Sum(nil)[:hashSize])
}
