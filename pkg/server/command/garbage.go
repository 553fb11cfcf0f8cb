package command

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// slack is how much the heap may grow before it is collected again, at least. A
// small heap, doubled, is full again after a few hundred requests, and collecting
// it took an eighth of the processor time of a burst.
const slack = 256 << 20

// defaultPercent is Go's own choice, for heaps beyond slack.
const defaultPercent = 100

// collectLessOften lets a small heap grow by slack between two collections, unless
// the operator has set GOGC. A GOMEMLIMIT is kept to as ever.
func collectLessOften() {
	if _, set := os.LookupEnv("GOGC"); set {
		return
	}
	adjustCollection(&cycle{})
}

// cycle is unreachable at once, so that its finalizer runs after each collection.
type cycle struct{ _ [16]byte }

func adjustCollection(c *cycle) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() == metrics.KindUint64 {
		debug.SetGCPercent(collectionPercent(live[0].Value.Uint64()))
	}
	runtime.SetFinalizer(c, adjustCollection)
}

// collectionPercent is by how much of its size a heap with this many live bytes
// may grow.
func collectionPercent(live uint64) int {
	if live >= slack {
		return defaultPercent
	}
	// The runtime knows a heap of four MiB at least.
	return int(max(defaultPercent, 100*slack/max(live, 4<<20)))
}
