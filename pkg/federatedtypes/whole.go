package federatedtypes

import (
	"bytes"
	"net/http"
	"strconv"
)

// inOnePiece makes handler answer with a single write, whether somebody still
// reads or not. The host checks the availability of an APIService by asking for
// its group version and closing the stream as soon as it has the status; a
// document that is being written piece by piece then ends in errors in the log.
func inOnePiece(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		held := &heldResponse{header: w.Header(), status: http.StatusOK}
		handler.ServeHTTP(held, req)
		w.Header().Set("Content-Length", strconv.Itoa(held.body.Len()))
		w.WriteHeader(held.status)
		// Who has gone does not miss it.
		_, _ = w.Write(held.body.Bytes())
	})
}

// heldResponse keeps an answer until it is complete.
type heldResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *heldResponse) Header() http.Header { return r.header }

func (r *heldResponse) WriteHeader(status int) { r.status = status }

func (r *heldResponse) Write(p []byte) (int, error) { return r.body.Write(p) }
