package env

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// JoinKubeconfig is the path of a kubeconfig like the environment's, except that it reaches members as the federation
// does: what "kubectl fed join" reads from it becomes the federation's own connection.
func (e *Environment) JoinKubeconfig() string {
	return filepath.Join(e.dir, "federation", "join.kubeconfig")
}

func (e *Environment) writeKubeconfigs() error {
	direct := clientcmdapi.NewConfig()
	relayed := clientcmdapi.NewConfig()
	for _, c := range append([]*Cluster{e.host}, e.members...) {
		own, err := clientcmd.LoadFromFile(c.Kubeconfig())
		if err != nil {
			return fmt.Errorf("read the kubeconfig of %s: %w", c.Name(), err)
		}
		for _, merged := range []*clientcmdapi.Config{direct, relayed} {
			merged.Clusters[c.Name()] = own.Clusters[c.Name()].DeepCopy()
			merged.AuthInfos[c.Name()] = own.AuthInfos[c.Name()].DeepCopy()
			merged.Contexts[c.Name()] = own.Contexts[c.Name()].DeepCopy()
			merged.CurrentContext = HostName
		}
		relayed.Clusters[c.Name()].Server = c.Endpoint()
	}
	for path, config := range map[string]*clientcmdapi.Config{e.Kubeconfig(): direct, e.JoinKubeconfig(): relayed} {
		if err := clientcmd.WriteToFile(*config, path); err != nil {
			return fmt.Errorf("write a kubeconfig: %w", err)
		}
	}
	return nil
}
