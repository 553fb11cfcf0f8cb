// Package multiclusterdns stores the group multiclusterdns.kubefed.io, one kind a
// file.
package multiclusterdns

import (
	"errors"

	genericapiserver "k8s.io/apiserver/pkg/server"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
)

// NewGroup makes the storage of the group. The error says which cannot be made.
func NewGroup(provider static.Provider) (*genericapiserver.APIGroupInfo, error) {
	group := provider.NewGroup(dns.GroupName)
	err := errors.Join(
		static.Add(group, domains()),
		static.Add(group, serviceDNSRecords()),
		static.Add(group, ingressDNSRecords()),
		static.Add(group, dnsEndpoints()),
	)
	if err != nil {
		return nil, err
	}
	return group.Info(), nil
}
