// Package install adds the group scheduling.kubefed.io to a scheme.
package install

import (
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	"github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
)

// Install adds the internal and the served versions of the group to scheme.
func Install(scheme *runtime.Scheme) {
	utilruntime.Must(scheduling.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	utilruntime.Must(scheme.SetVersionPriority(v1alpha1.SchemeGroupVersion))
}
