package server

import (
	"net/http"
	"regexp"

	auditinternal "k8s.io/apiserver/pkg/apis/audit"
)

// auditIDs are what clients, the host among them, may call their requests in audit
// logs. The library takes anything, and so would every log on the way.
var auditIDs = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// withProperAuditID drops an Audit-ID that is none, so that the library makes one up.
func withProperAuditID(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if ids, ok := req.Header[http.CanonicalHeaderKey(auditinternal.HeaderAuditID)]; ok && (len(ids) != 1 || !auditIDs.MatchString(ids[0])) {
			req = req.Clone(req.Context())
			req.Header.Del(auditinternal.HeaderAuditID)
		}
		handler.ServeHTTP(w, req)
	})
}
