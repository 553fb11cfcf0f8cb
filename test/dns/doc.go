// Package dns tests the DNS names of federated objects with real ones: external-dns writes them to BIND, and dig asks for
// them.
package dns
