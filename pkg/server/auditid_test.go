package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apiserver/pkg/audit"
	genericapifilters "k8s.io/apiserver/pkg/endpoints/filters"
)

func TestAnAuditIDIsShortAndPlain(t *testing.T) {
	var got string
	handler := withProperAuditID(genericapifilters.WithAuditInit(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		id, _ := audit.AuditIDFrom(req.Context())
		got = string(id)
	})))
	for _, test := range []struct {
		sent []string
		kept bool
	}{
		{sent: []string{"0b4e8f2c-9d1a-4c57-8f4e-2a1b3c4d5e6f"}, kept: true},
		{sent: []string{"build-117_step.4"}, kept: true},
		{sent: []string{strings.Repeat("a", 64)}, kept: true},
		{sent: []string{strings.Repeat("a", 65)}},
		{sent: []string{""}},
		{sent: []string{"two words"}},
		{sent: []string{"-begins-with-a-dash"}},
		{sent: []string{"a\u202eb"}},
		{sent: []string{`a","user":"admin`}},
		{sent: []string{"one", "two"}},
		{},
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/apis", nil)
		for _, id := range test.sent {
			req.Header.Add("audit-id", id)
		}
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, req)
		assert.Equal(t, got, response.Header().Get("Audit-ID"))
		if test.kept {
			assert.Equal(t, test.sent[0], got)
			continue
		}
		assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, got, "for %q", test.sent)
	}
}
