// Package federatedtypes tests the federated types over HTTP, on a real API
// server with its etcd.
package federatedtypes
