// Package members holds the connections to member clusters: one Set for the
// federation, one Member per KubeFedCluster, and one Type per resource that is
// observed in a member.
//
// A Type keeps, for every object of its resource with the label
// kubefed.io/managed, an Observed of a few dozen bytes, read from a metadata-only
// watch. What this process writes itself shows at once: the answer of a write is
// merged into the view, and an older event that arrives later does not undo it.
//
// A member that is known to be unreachable costs nothing: requests fail at once
// with a NotReadyError, and nothing of one member waits for another.
package members
