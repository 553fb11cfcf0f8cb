// Package v1alpha1 is KubeFed's API for DNS names over several clusters.
//
// The field names and their rules are those of KubeFed v0.6.1, the last that had
// this API, so that existing manifests apply unchanged.
//
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/kubefederation/federation-apiserver/apis/multiclusterdns
// +k8s:defaulter-gen=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.kubefed.multiclusterdns.v1alpha1
// +groupName=multiclusterdns.kubefed.io
package v1alpha1
