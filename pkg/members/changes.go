package members

import "k8s.io/apimachinery/pkg/types"

// handlers are told of changes: changed of those that matter to who applies the
// object, status of those of its status alone.
type handlers struct {
	changed, status func(types.NamespacedName)
}

// change is what happened to an object.
type change struct {
	key types.NamespacedName
	// statusOnly says that nothing but the status is different.
	statusOnly bool
}

// tell calls the handlers of each change.
func tell(to []handlers, changes ...change) {
	for _, c := range changes {
		for _, h := range to {
			if c.statusOnly {
				h.status(c.key)
			} else {
				h.changed(c.key)
			}
		}
	}
}

// changesOf appends what a handler is to be told of a difference.
func changesOf(list []change, key types.NamespacedName, before Observed, was bool, after Observed, is bool) []change {
	same := before.sameStatus(after)
	before.ResourceVersion, after.ResourceVersion = "", ""
	before.Status, after.Status = nil, nil
	switch {
	case was != is || is && before != after:
		return append(list, change{key: key})
	case is && !same:
		return append(list, change{key: key, statusOnly: true})
	}
	return list
}
