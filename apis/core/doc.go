// Package core has the internal types of the group core.kubefed.io: what the
// server works with, whatever version a client speaks. Its fields are those of
// the versions; see there for their meaning.
//
// +k8s:deepcopy-gen=package
// +groupName=core.kubefed.io
package core
