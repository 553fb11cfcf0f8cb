package kubefed

import "strings"

// Why cases of the suite are not run.
const (
	startsOwnBinary  = "starts KubeFed's own controller-manager binary"
	ownControllers   = "tests KubeFed's own controllers, run inside the suite's process"
	claimsOurGroup   = "creates CRDs in types.kubefed.io, a group-version that an APIService serves"
	writesVersions   = "lets KubeFed's own version manager write PropagatedVersions, which are computed and read-only here"
	namespacedOnly   = "needs a control plane that is confined to one namespace"
	simulatesMembers = "simulates members for KubeFed's own controllers, run inside the suite's process"
)

// excluded has the cases that are not run, by name, with the reason.
var excluded = func() map[string]string {
	cases := map[string]string{
		"Leader Elector should chose secondary instance, primary goes down":                                                                                startsOwnBinary,
		"Default KubeFedConfig does not cause controller-manager to fail":                                                                                  startsOwnBinary,
		"Federated CRD resources with namespaced=true should be created, read, updated and deleted successfully":                                           claimsOurGroup,
		"Federated CRD resources with namespaced=false should be created, read, updated and deleted successfully":                                          claimsOurGroup,
		"FTC controller should be refreshed if the target CRD version changed for a federated CRD":                                                         ownControllers,
		"Scheduler Manager when federatedtypeconfig resources are changed related scheduler and plugin controllers should be dynamically disabled/enabled": ownControllers,
		"Simulated Scale should create a simulated federation":                                                                                             simulatesMembers,
		"[NOT_READY] Simulated not-ready nodes should simulate unhealthy clusters":                                                                         simulatesMembers,
		"Placement should be computed from namespace and resource placement for a namespaced control plane":                                                namespacedOnly,
	}
	for _, kind := range []string{"FederatedTypeConfig", "KubeFedCluster", "KubeFedConfig"} {
		cases["Core API Validation when running with namespace scoped deployment for "+kind+" should succeed when an invalid "+kind+
			" is created outside the kubefed system namespace"] = namespacedOnly
	}
	for _, manager := range []string{"NamespacedVersionManager", "ClusterVersionManager"} {
		for _, text := range []string{
			"should create a new version in the API",
			"should load versions from the API on sync",
			"should refresh and update after out-of-band creation",
			"should refresh and update after out-of-band update",
			"should recreate after out-of-band deletion",
			"should add owner reference that ensures garbage collection when template is deleted",
		} {
			cases[strings.Join([]string{"VersionManager", manager, text}, " ")] = writesVersions
		}
	}
	return cases
}()

// caseCount is the number of cases in the suite of v0.10.0, excluded ones
// included: none may go missing unseen.
const caseCount = 58
