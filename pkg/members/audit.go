package members

import (
	"context"
	"regexp"
)

type auditIDKey struct{}

// auditID is what is forwarded: API servers take the header as it comes.
var auditID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// WithAuditID returns a context whose writes to members carry id as Audit-ID, so
// that the audit trails of the host and of the members name the same request. An
// id of more than 64 characters, or with others than letters, digits, '.', '_'
// and '-', is not forwarded: ctx is returned as it is.
func WithAuditID(ctx context.Context, id string) context.Context {
	if !auditID.MatchString(id) {
		return ctx
	}
	return context.WithValue(ctx, auditIDKey{}, id)
}

func auditIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(auditIDKey{}).(string)
	return id
}
