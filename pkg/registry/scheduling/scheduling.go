// Package scheduling stores the group scheduling.kubefed.io, one kind a file.
package scheduling

import (
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
)

// NewGroup makes the storage of the group. The error says which cannot be made.
func NewGroup(provider static.Provider) (*genericapiserver.APIGroupInfo, error) {
	group := provider.NewGroup(scheduling.GroupName)
	if err := static.Add(group, replicaSchedulingPreferences()); err != nil {
		return nil, err
	}
	return group.Info(), nil
}
