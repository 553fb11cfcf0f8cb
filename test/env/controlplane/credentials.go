package controlplane

import (
	"fmt"
	"os"

	"github.com/kubefederation/federation-apiserver/test/env/pki"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	administrator  = "kubernetes-admin"
	administrators = "system:masters"
	frontProxyUser = "front-proxy-client"
)

// User is an identity that gets a client certificate and a kubeconfig.
type User struct {
	Name   string
	Groups []string
	// Kubeconfig is where it goes.
	Kubeconfig string
}

func (c *ControlPlane) users() []User {
	return append([]User{
		{Name: administrator, Groups: []string{administrators}, Kubeconfig: c.Kubeconfig()},
		{Name: "system:kube-controller-manager", Kubeconfig: c.path("controller-manager.kubeconfig")},
		{Name: "system:kube-scheduler", Kubeconfig: c.path("scheduler.kubeconfig")},
		// It plays every kubelet.
		{Name: "kwok", Groups: []string{administrators}, Kubeconfig: c.path("kwok.kubeconfig")},
	}, c.config.Users...)
}

func (c *ControlPlane) writePKI() error {
	authority, err := pki.NewAuthority(c.config.Name + "-ca")
	if err != nil {
		return err
	}
	serving, err := authority.Server("kube-apiserver", "localhost", "127.0.0.1", "10.96.0.1",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	if err := serving.Write(c.path("pki"), "apiserver"); err != nil {
		return err
	}

	// The aggregator's identity comes from an authority of its own: whoever it signs may claim to be any user.
	frontProxy, err := pki.NewAuthority(c.config.Name + "-front-proxy-ca")
	if err != nil {
		return err
	}
	proxyClient, err := frontProxy.Client(frontProxyUser)
	if err != nil {
		return err
	}
	if err := proxyClient.Write(c.path("pki"), "front-proxy-client"); err != nil {
		return err
	}

	signingKey, verificationKey, err := pki.NewSigningKey()
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"ca.crt":              authority.CertificatePEM(),
		"front-proxy-ca.crt":  frontProxy.CertificatePEM(),
		"service-account.key": signingKey,
		"service-account.pub": verificationKey,
	} {
		if err := os.WriteFile(c.path("pki", name), data, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	for _, user := range c.users() {
		if err := c.writeKubeconfig(authority, user); err != nil {
			return err
		}
	}
	return nil
}

func (c *ControlPlane) writeKubeconfig(authority *pki.Authority, user User) error {
	pair, err := authority.Client(user.Name, user.Groups...)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[c.config.Name] = &clientcmdapi.Cluster{Server: c.Endpoint(), CertificateAuthorityData: authority.CertificatePEM()}
	config.AuthInfos[c.config.Name] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}
	config.Contexts[c.config.Name] = &clientcmdapi.Context{Cluster: c.config.Name, AuthInfo: c.config.Name}
	config.CurrentContext = c.config.Name
	if err := clientcmd.WriteToFile(*config, user.Kubeconfig); err != nil {
		return fmt.Errorf("write the kubeconfig of %s: %w", user.Name, err)
	}
	return nil
}
