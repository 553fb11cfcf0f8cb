package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLongNamesOfFieldManagersAreRefused(t *testing.T) {
	served := withShortFieldManager(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for name, test := range map[string]struct {
		query url.Values
		code  int
	}{
		"none":              {url.Values{}, http.StatusOK},
		"as long as it may": {url.Values{"fieldManager": {strings.Repeat("x", 128)}}, http.StatusOK},
		"too long":          {url.Values{"fieldManager": {strings.Repeat("x", 129)}}, http.StatusUnprocessableEntity},
		"one of two":        {url.Values{"fieldManager": {"kubectl", strings.Repeat("\x00", 1<<20)}}, http.StatusUnprocessableEntity},
		"another option":    {url.Values{"labelSelector": {strings.Repeat("x", 1000)}}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			served.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/apis?"+test.query.Encode(), nil))
			require.Equal(t, test.code, answer.Code, answer.Body)
			if test.code != http.StatusOK {
				require.Contains(t, answer.Body.String(), "fieldManager: Too long")
				require.Less(t, answer.Body.Len(), 1000)
			}
		})
	}
}
