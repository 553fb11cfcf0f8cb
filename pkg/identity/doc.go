// Package identity lets a federation know who it is, and notice when its store
// does not remember what has happened since.
//
// A hub, that is a federation with its store, has a random ID and a sequence that
// only grows. Both are in three places: in the store, in a Lease of the host, and in
// a Lease of each member. The sequence is raised in the store first, then in the
// host, then in the members, so that a store that is behind any of the others has
// lost something: it is empty, or it was restored. Then nothing is written to a
// member until an operator has seen what would be, and has confirmed it: what is
// missing in the store is not evidence that anybody wants it gone.
//
// The Lease in a member also says which hub writes there. It is never taken over
// for its age; whoever finds another's ID does not write.
package identity
