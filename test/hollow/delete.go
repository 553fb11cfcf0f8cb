package hollow

import (
	"encoding/json"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func (m *Member) serveDelete(w http.ResponseWriter, r *http.Request, about target) {
	body, err := readBody(r)
	if err != nil {
		writeError(w, err)
		return
	}
	options := metav1.DeleteOptions{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &options); err != nil {
			writeError(w, apierrors.NewBadRequest(err.Error()))
			return
		}
	}
	for {
		live := m.get(about.kind, about.key)
		if live == nil {
			writeError(w, about.notFound())
			return
		}
		if p := options.Preconditions; p != nil {
			var uid, version string
			if p.UID != nil {
				uid = string(*p.UID)
			}
			if p.ResourceVersion != nil {
				version = *p.ResourceVersion
			}
			if err := about.matches(live, uid, version); err != nil {
				writeError(w, err)
				return
			}
		}
		waiting := live
		if len(options.DryRun) == 0 {
			if waiting, err = m.delete(about.kind, live); errors.Is(err, errChanged) {
				continue
			}
		}
		switch {
		case err != nil:
			writeError(w, err)
		case waiting != nil:
			w.Header().Set("Content-Type", jsonType)
			_, _ = w.Write(waiting.appendJSON(nil, whole))
		default:
			writeJSON(w, http.StatusOK, &metav1.Status{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess,
				Details: &metav1.StatusDetails{Name: about.key.Name, Group: about.kind.Group, Kind: about.kind.resource, UID: types.UID(live.uid.String())},
			})
		}
		return
	}
}
