package federatedtypes

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/endpoints/responsewriter"
)

const openAPIPath = "/openapi/v3/"

// BehindAggregation fits a server's whole handler chain to two habits of the
// host's aggregation layer.
//
// It asks for /openapi/v3/ documents by hash and does not let a backend
// redirect, which is how the library answers a hash that is out of date: so the
// hash is dropped, and the document of the moment answered. Only if that is the
// one that was asked for may it be kept.
//
// It checks the availability of an APIService by asking for its group version,
// and closes the stream as soon as it has the status. The library takes that for
// a request that was aborted, and logs errors: so this request does not end with
// its client. It is answered from memory.
func BehindAggregation(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasPrefix(req.URL.Path, openAPIPath) && req.URL.RawQuery != "":
			address := *req.URL
			if hash := address.Query().Get("hash"); hash != "" {
				w = responsewriter.WrapForHTTP1Or2(&documentResponse{ResponseWriter: w, hash: hash})
			}
			address.RawQuery = ""
			req = req.WithContext(req.Context())
			req.URL = &address
		case req.Method == http.MethodGet && req.URL.Path == versionPath:
			req = req.WithContext(context.WithoutCancel(req.Context()))
		}
		handler.ServeHTTP(w, req)
	})
}

// documentResponse lets clients keep a document as long as its hash is the one
// that they asked for.
type documentResponse struct {
	http.ResponseWriter
	hash    string
	started bool
}

// Unwrap returns what is decorated.
func (r *documentResponse) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader adds what the library would answer to a current hash.
func (r *documentResponse) WriteHeader(status int) {
	r.started = true
	header := r.Header()
	if (status == http.StatusOK || status == http.StatusNotModified) && header.Get("Etag") == strconv.Quote(r.hash) {
		header.Set("Cache-Control", "public, immutable")
		header.Set("Expires", time.Now().AddDate(1, 0, 0).UTC().Format(http.TimeFormat))
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *documentResponse) Write(p []byte) (int, error) {
	if !r.started {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(p)
}

// inOnePiece makes handler answer with a single write, whether somebody still
// reads or not: see BehindAggregation.
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
