// Package hollow is an API server that keeps its objects in memory, many of them
// in one process: members of a federation for measuring how cost grows with their
// number, and for faults that a real one cannot be told to have. It has discovery,
// lists, watches that resume and that send initial events, server-side apply with
// the library's own field management, merge patches, deletions with preconditions
// and finalizers. It has no controllers, no admission, no schemas and no defaults;
// Deployments and ReplicaSets are ready as soon as they are written. Copies of one
// text share it, so that an object takes a few hundred bytes in each member.
//
// What is measured with hollow members says so.
package hollow
