// Package propagation keeps the copies of federated objects in member clusters
// as their users asked for.
//
// It is level-triggered and remembers nothing that it could not find out again:
// it can be killed at any line. Two kinds of workers share the work.
//
//   - Object workers look at one federated object at a time. They evaluate its
//     placement, compare every copy with what it shall be, hand what needs a
//     request to the members' queues, and write the status. A copy whose
//     fingerprint matches the recorded one needs no request.
//   - Member workers, one for every member with as many requests at a time as the
//     member bears, send at most one write for a copy at a time. A member that
//     hangs or refuses holds up its own queue only.
//
// Two rules protect what users have in the members. The name of a cluster is in
// status.clusters before anything is written there, so that no crash loses sight
// of a copy. And nothing is removed for want of information: a removal needs the
// deletionTimestamp of the federated object, or a live read that shows that its
// placement excludes the cluster.
//
// Results of one object are coalesced into one write of its status; how many
// writes there are does not depend on the number of members.
package propagation
