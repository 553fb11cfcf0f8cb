package controlplane

import "k8s.io/apimachinery/pkg/api/resource"

// A simulated node is as large as an ordinary real one, so that capacity means something to schedulers.
var (
	resourceCPU    = resource.MustParse("32")
	resourceMemory = resource.MustParse("128Gi")
	resourcePods   = resource.MustParse("250")
)
