// Package v1beta1 is KubeFed's core API: the member clusters, the control
// plane's configuration, and the kinds that are federated.
//
// The field names and their rules are KubeFed's (v0.10.0), so that existing
// manifests apply unchanged. Fields that KubeFed did not have are optional and
// say so.
//
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/kubefederation/federation-apiserver/apis/core
// +k8s:defaulter-gen=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.kubefed.core.v1beta1
// +groupName=core.kubefed.io
package v1beta1
