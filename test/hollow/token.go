package hollow

import (
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// subresource answers for what a service account can be asked for: a token.
func (m *Member) subresource(w http.ResponseWriter, r *http.Request, about target) {
	if about.kind.resource != "serviceaccounts" || about.subresource != "token" || r.Method != http.MethodPost {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
		"metadata": map[string]any{"name": about.key.Name, "namespace": about.key.Namespace},
		"spec":     map[string]any{"audiences": []string{"hollow"}, "expirationSeconds": 3600},
		"status":   map[string]any{"token": m.token, "expirationTimestamp": metav1.NewTime(time.Now().Add(time.Hour))},
	})
}
