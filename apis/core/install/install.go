// Package install adds the group core.kubefed.io to a scheme.
package install

import (
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1alpha1"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Install adds the internal and the served versions of the group to scheme.
func Install(scheme *runtime.Scheme) {
	utilruntime.Must(core.AddToScheme(scheme))
	utilruntime.Must(v1beta1.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	utilruntime.Must(scheme.SetVersionPriority(v1beta1.SchemeGroupVersion, v1alpha1.SchemeGroupVersion))
}
