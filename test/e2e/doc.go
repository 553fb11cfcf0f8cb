// Package e2e tests the federation as its users meet it: with kubectl, through the host's API, against real member
// clusters.
package e2e
