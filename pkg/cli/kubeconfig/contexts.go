package kubeconfig

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
)

// contexts makes entries of a kubeconfig from those of the host.
type contexts struct {
	host *connect.Cluster
	// server is the address of the host.
	server string
	// systemNamespace is where the members are, namespace what the contexts begin in.
	systemNamespace, namespace string
	prefix                     string
}

// cluster is the address of a member: the host's, with a path.
func (c contexts) cluster(name string) *clientcmdapi.Cluster {
	entry := c.host.Entry.DeepCopy()
	entry.LocationOfOrigin = ""
	entry.Server = strings.TrimSuffix(c.server, "/") + strings.Join([]string{"/apis", corev1beta1.GroupName, corev1beta1.SchemeGroupVersion.Version,
		"namespaces", c.systemNamespace, "kubefedclusters", name, "proxy"}, "/")
	return entry
}

// user is the name of the host's user.
func (c contexts) user(raw *clientcmdapi.Config) string {
	if context := raw.Contexts[c.host.Context]; context != nil {
		return context.AuthInfo
	}
	return ""
}

func (c contexts) add(config *clientcmdapi.Config, user, name string) {
	named := c.prefix + name
	config.Clusters[named] = c.cluster(name)
	config.Contexts[named] = &clientcmdapi.Context{Cluster: named, AuthInfo: user, Namespace: c.namespace}
}

// alone returns a kubeconfig with the contexts and the host's user. Files that it
// names are named as from anywhere: the paths of raw are absolute.
func (c contexts) alone(raw *clientcmdapi.Config, names []string) *clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	user := c.user(raw)
	if info := raw.AuthInfos[user]; info != nil {
		info = info.DeepCopy()
		info.LocationOfOrigin = ""
		config.AuthInfos[user] = info
	}
	for _, name := range names {
		c.add(config, user, name)
	}
	if len(names) == 1 {
		config.CurrentContext = c.prefix + names[0]
	}
	return config
}

// into returns existing with the contexts and, if it has not the host's user, with
// that. What leads elsewhere is not replaced.
func (c contexts) into(existing, raw *clientcmdapi.Config, names []string) (*clientcmdapi.Config, error) {
	merged := existing.DeepCopy()
	user := c.user(raw)
	var errs []error
	if info, theirs := raw.AuthInfos[user], merged.AuthInfos[user]; info != nil {
		switch {
		case theirs == nil:
			info = info.DeepCopy()
			info.LocationOfOrigin = ""
			merged.AuthInfos[user] = info
		case !sameUser(info, theirs):
			errs = append(errs, fmt.Errorf("the file has another user %q already", user))
		}
	}
	for _, name := range names {
		named := c.prefix + name
		wanted := c.cluster(name)
		if cluster := merged.Clusters[named]; cluster != nil && cluster.Server != wanted.Server {
			errs = append(errs, fmt.Errorf("the kubeconfig has a cluster %q already, at %s: choose other names with --prefix", named, cluster.Server))
			continue
		}
		if context := merged.Contexts[named]; context != nil && context.Cluster != named {
			errs = append(errs, fmt.Errorf("the kubeconfig has a context %q already, of cluster %s: choose other names with --prefix", named, context.Cluster))
			continue
		}
		origin := ""
		if cluster := merged.Clusters[named]; cluster != nil {
			origin = cluster.LocationOfOrigin
		}
		c.add(merged, user, name)
		merged.Clusters[named].LocationOfOrigin = origin
	}
	return merged, errors.Join(errs...)
}

// sameUser compares users wherever they are written.
func sameUser(a, b *clientcmdapi.AuthInfo) bool {
	a, b = a.DeepCopy(), b.DeepCopy()
	a.LocationOfOrigin, b.LocationOfOrigin = "", ""
	return reflect.DeepEqual(a, b)
}
