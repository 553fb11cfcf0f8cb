// Package federatedtypes serves the group types.kubefed.io, whose kinds come
// and go at run time.
//
// Every kind has the same Go type, FederatedObject, and a scheme, codecs and a
// store of its own: a scheme can tell two kinds of one Go type apart only when
// each has a scheme to itself. The store (etcd, watch cache) lives as long as
// the kind is enabled. What depends on the schema of the target (template
// validation, server-side apply, routes, OpenAPI) is a separate part that is
// replaced when the target's schema changes; open watches do not notice.
//
// Requests find their kind in a copy-on-write map by resource name.
package federatedtypes
