// Package conformance holds a server of the federation's API groups to what
// clients expect of any Kubernetes API. Its checks are rows of one list; each runs
// for every kind and version that discovery shows, through the host's
// kube-apiserver and directly, over plain HTTP, so that no client hides an answer.
//
// It is run by "make conformance", or by "go test ./test/conformance" like any
// other test. See docs/conformance.md.
package conformance
