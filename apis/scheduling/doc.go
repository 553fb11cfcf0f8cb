// Package scheduling has the internal types of the group scheduling.kubefed.io: what the
// server works with, whatever version a client speaks. Its fields are those of
// the versions; see there for their meaning.
//
// +k8s:deepcopy-gen=package
// +groupName=scheduling.kubefed.io
package scheduling
