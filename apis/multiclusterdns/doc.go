// Package multiclusterdns has the internal types of the group multiclusterdns.kubefed.io: what the
// server works with, whatever version a client speaks. Its fields are those of
// the versions; see there for their meaning.
//
// +k8s:deepcopy-gen=package
// +groupName=multiclusterdns.kubefed.io
package multiclusterdns
