package members

import "context"

// auditIDHeader is what a request is called in audit logs by.
const auditIDHeader = "Audit-Id"

type auditIDKey struct{}

// WithAuditID returns a context whose requests to members have that audit ID, by
// which the member's audit log leads back to the request that caused them. With an
// empty one the member makes its own.
func WithAuditID(ctx context.Context, id string) context.Context {
	if id == "" {
		return ctx
	}
	return context.WithValue(ctx, auditIDKey{}, id)
}

func auditIDOf(ctx context.Context) string {
	id, _ := ctx.Value(auditIDKey{}).(string)
	return id
}
