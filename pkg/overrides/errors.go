package overrides

import "fmt"

// ComputeError says that no object can be made from the template at all, for
// any cluster.
type ComputeError struct {
	Err error
}

// Error implements error.
func (e *ComputeError) Error() string {
	return fmt.Sprintf("cannot compute the object from the template: %v", e.Err)
}

// Unwrap returns the cause.
func (e *ComputeError) Unwrap() error { return e.Err }

// ApplyError says that the overrides of one cluster do not apply. Other
// clusters are not concerned.
type ApplyError struct {
	// Cluster whose overrides they are.
	Cluster string
	// Index of the override in the list of its entry, -1 if no single one is at
	// fault.
	Index int
	// Entry is the index in spec.overrides of the entry that it is in; Selecting
	// says that this is one with a selector.
	Entry     int
	Selecting bool
	// Path of that override as the user wrote it.
	Path string
	// Err is the cause.
	Err error
}

// Error implements error.
func (e *ApplyError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("overrides for cluster %q: %v", e.Cluster, e.Err)
	}
	if e.Selecting {
		return fmt.Sprintf("override[%d] of spec.overrides[%d], which selects cluster %q, path %q: %v", e.Index, e.Entry, e.Cluster, e.Path, e.Err)
	}
	return fmt.Sprintf("override[%d] for cluster %q, path %q: %v", e.Index, e.Cluster, e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *ApplyError) Unwrap() error { return e.Err }
