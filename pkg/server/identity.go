package server

import (
	"context"
	"fmt"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// identityKey is where the identity of the hub is, below the prefix of the storage.
const identityKey = "/hub-identity"

// identify makes what keeps the identity of the hub. It begins when this replica
// leads.
func (c *controllers) identify() error {
	storage, dataDir := c.config.Storage, c.config.EmbeddedDataDir
	transport := storage.Transport
	cell, err := etcd.OpenCell(context.Background(), etcd.Source{
		Endpoints: transport.ServerList, CAFile: transport.TrustedCAFile, CertFile: transport.CertFile, KeyFile: transport.KeyFile,
	}, storage.Prefix+identityKey, storage.Prefix+"/"+corev1beta1.GroupName+"/kubefedclusters/")
	if err != nil {
		return err
	}
	c.cell = cell
	c.identity = identity.New(identity.Options{
		Store: cell,
		Host:  c.host.CoordinationV1().Leases(c.config.Namespace),
		Restored: func() (bool, error) {
			if dataDir == "" {
				return false, nil // the position of its log tells
			}
			return etcd.WasRestored(dataDir)
		},
		ForgetRestored: func() error { return etcd.ForgetRestored(dataDir) },
		Report:         func(ctx context.Context) *identity.Report { return c.propagation.Report(ctx) },
		OnChange:       func() { c.members.HoldChanged() },
	})
	return nil
}

// hold says why members are not written to, for members.Options.
func (c *controllers) hold() *members.HeldError {
	recovery, err := c.identity.Recovery()
	switch {
	case err != nil:
		return &members.HeldError{Reason: members.HoldUnchecked, Message: err.Error()}
	case recovery != nil:
		return &members.HeldError{Reason: members.HoldRecovery, Message: fmt.Sprintf(
			"nothing is written to clusters until it is confirmed that the store is the right one (%s): kubectl fed recovery", recovery.Reason)}
	}
	return nil
}

// dnsWhenSettled keeps DNS records out of a recovery: what the store does not know
// would be removed.
func (c *controllers) dnsWhenSettled(ctx context.Context) error {
	if err := c.identity.Settled(ctx); err != nil {
		return nil //nolint:nilerr // the end of the work is no error
	}
	return c.dns.Run(ctx)
}
