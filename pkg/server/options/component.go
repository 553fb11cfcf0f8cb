package options

import (
	"sync"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	// The format that --logging-format=json names.
	_ "k8s.io/component-base/logs/json/register"
	baseversion "k8s.io/component-base/version"
)

const (
	// ComponentName is the name under which the server's version and feature
	// gates are registered, and which its flags --feature-gates and
	// --emulated-version take as a prefix.
	ComponentName = "federation"
	// componentVersion is the version of this server's API.
	componentVersion = "1.0"
)

// registerComponent makes the versions and feature gates of this server and of
// the library known to the registry that is behind the flags, once per process.
var registerComponent = sync.OnceValue(func() basecompatibility.ComponentGlobalsRegistry {
	utilruntime.Must(logsapi.AddFeatureGates(utilfeature.DefaultMutableFeatureGate))
	registry := compatibility.DefaultComponentGlobalsRegistry
	registry.ComponentGlobalsOrRegister(basecompatibility.DefaultKubeComponent,
		basecompatibility.NewEffectiveVersionFromString(baseversion.DefaultKubeBinaryVersion, "", ""),
		utilfeature.DefaultMutableFeatureGate)
	registry.ComponentGlobalsOrRegister(ComponentName,
		basecompatibility.NewEffectiveVersionFromString(componentVersion, "", ""),
		featuregate.NewVersionedFeatureGate(utilversion.MustParse(componentVersion)))
	utilruntime.Must(registry.SetVersionMapping(ComponentName, basecompatibility.DefaultKubeComponent, kubeVersionOf))
	return registry
})

// kubeVersionOf maps a version of this server to the Kubernetes version whose
// library behaviour goes with it: as many minors back as this server goes back.
func kubeVersionOf(federation *utilversion.Version) *utilversion.Version {
	kube := utilversion.MustParse(baseversion.DefaultKubeBinaryVersion)
	back := int(federation.Minor()) - int(utilversion.MustParse(componentVersion).Minor())
	if back >= 0 {
		return kube
	}
	return kube.OffsetMinor(back)
}
