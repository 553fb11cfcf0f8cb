// Package core stores the group core.kubefed.io, one kind a file.
package core

import (
	"errors"

	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
)

// NewGroup makes the storage of the group. The error says which cannot be made.
func NewGroup(provider static.Provider) (*genericapiserver.APIGroupInfo, error) {
	group := provider.NewGroup(core.GroupName)
	err := errors.Join(
		static.Add(group, kubeFedClusters()),
		static.Add(group, kubeFedConfigs()),
		static.Add(group, federatedTypeConfigs()),
		static.Add(group, pendingRemovals()),
	)
	if err != nil {
		return nil, err
	}
	return group.Info(), nil
}
