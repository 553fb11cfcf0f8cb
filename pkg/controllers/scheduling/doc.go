// Package scheduling carries out ReplicaSchedulingPreferences: it plans how many
// replicas of a federated object each cluster runs, and writes the plan into the
// object, as spec.placement.clusters and as overrides of /spec/replicas. The
// propagation does the rest.
//
// What was written and what was there before is recorded in an annotation of the
// object, in the same write. So the user's own placement and overrides can be told
// from the controller's, are respected, and come back when the preference goes.
//
// Everything is decided by pure functions from objects, observations and a time;
// the controller gathers those and does at most one write to the object and one to
// the status of the preference at a time.
package scheduling
