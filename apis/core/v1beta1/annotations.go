package v1beta1

// Annotations of members and their Secrets.
const (
	// MemberRightsAnnotation of a KubeFedCluster says which rights "kubectl fed join"
	// has given the federation in the member: MemberRightsAll, or the types as
	// PLURAL.GROUP, separated by commas. It is a note; what a member really allows it
	// says itself.
	MemberRightsAnnotation = "federation.kubefed.io/member-rights"
	// MemberRightsAll means all rights, as a cluster administrator has them.
	MemberRightsAll = "all"

	// MemberProxyAnnotation of a KubeFedCluster is "true" where join has given the
	// right to impersonate users, for KubeFedCluster/proxy. It is a note too.
	MemberProxyAnnotation = "federation.kubefed.io/member-proxy"

	// TokenLifetimeAnnotation of a member's Secret says for how long each token is
	// asked for, such as 168h, and asks the federation to renew the token in time.
	// Without it the Secret is left to whoever made it.
	TokenLifetimeAnnotation = "federation.kubefed.io/token-lifetime"
	// RenewTokenAtAnnotation of such a Secret has the token renewed at that time (RFC
	// 3339) if that is earlier than at two thirds of its life. It goes with the renewal.
	RenewTokenAtAnnotation = "federation.kubefed.io/renew-token-at"
)
