// Package kubefed runs KubeFed's own end-to-end tests, unchanged, against this
// federation.
package kubefed
