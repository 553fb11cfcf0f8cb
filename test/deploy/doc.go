// Package deploy checks what deploy/ holds: that the kustomizations and the chart make the same objects, that a cluster
// takes them, and that an installation can be removed in whatever order.
package deploy
