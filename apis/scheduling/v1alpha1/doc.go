// Package v1alpha1 is KubeFed's scheduling API: how many replicas of a workload
// each member runs.
//
// The field names and their rules are KubeFed's (v0.10.0), so that existing
// manifests apply unchanged. KubeFed had no status.
//
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/kubefederation/federation-apiserver/apis/scheduling
// +k8s:defaulter-gen=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.kubefed.scheduling.v1alpha1
// +groupName=scheduling.kubefed.io
package v1alpha1
