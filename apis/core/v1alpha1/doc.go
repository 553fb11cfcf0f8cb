// Package v1alpha1 is the part of KubeFed's core API that reports: which version
// of a federated object each member has, and the status of services there.
//
// Its objects are views: they are computed from federated objects when they are
// read, and cannot be written. The field names are KubeFed's (v0.10.0).
//
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/kubefederation/federation-apiserver/apis/core
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.kubefed.core.v1alpha1
// +groupName=core.kubefed.io
package v1alpha1
