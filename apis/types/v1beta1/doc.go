// Package v1beta1 holds the one Go type behind every federated kind of the
// group types.kubefed.io: FederatedDeployment, FederatedNamespace and whatever
// a FederatedTypeConfig adds. The kinds differ in the schema of their template,
// which is kept as the bytes that the user wrote.
//
// +k8s:deepcopy-gen=package
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.kubefed.types.v1beta1
// +groupName=types.kubefed.io
package v1beta1
