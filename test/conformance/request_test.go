package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
)

// requestLimit bounds one request that is no watch.
const requestLimit = 70 * time.Second

// request is a request as it goes over the wire.
type request struct {
	method, path string
	query        url.Values
	header       map[string]string
	// body is sent as JSON unless contentType says otherwise.
	body, contentType string
	context           context.Context
}

// response is the whole answer.
type response struct {
	request request
	code    int
	header  http.Header
	body    []byte
}

// String is what a failed check shows.
func (r *response) String() string {
	body := string(r.body)
	if len(body) > 2000 {
		body = body[:2000] + "..."
	}
	return fmt.Sprintf("%s %s?%s answered %d: %s", r.request.method, r.request.path, r.request.query.Encode(), r.code, body)
}

// json is the body as a tree.
func (r *response) json(t testing.TB) map[string]any {
	t.Helper()
	content := map[string]any{}
	require.NoError(t, json.Unmarshal(r.body, &content), r)
	return content
}

func (r *response) object(t testing.TB) *unstructured.Unstructured {
	t.Helper()
	return &unstructured.Unstructured{Object: r.json(t)}
}

// open sends a request and returns the answer with an unread body.
func (p *path) open(t testing.TB, r request) *http.Response {
	t.Helper()
	ctx := r.context
	if ctx == nil {
		ctx = t.Context()
	}
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	target := p.url() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	wire, err := http.NewRequestWithContext(ctx, r.method, target, body)
	require.NoError(t, err)
	if r.body != "" {
		wire.Header.Set("Content-Type", "application/json")
	}
	if r.contentType != "" {
		wire.Header.Set("Content-Type", r.contentType)
	}
	wire.Header.Set("Accept", "application/json")
	for name, value := range r.header {
		wire.Header.Set(name, value)
	}
	answer, err := p.client.Do(wire)
	require.NoError(t, err, "%s %s", r.method, r.path)
	return answer
}

// send sends a request and reads the answer.
func (p *path) send(t testing.TB, r request) *response {
	t.Helper()
	if r.context == nil {
		r.context = t.Context()
	}
	ctx, cancel := context.WithTimeout(r.context, requestLimit)
	defer cancel()
	r.context = ctx
	answer := p.open(t, r)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err, "%s %s", r.method, r.path)
	got := &response{request: r, code: answer.StatusCode, header: answer.Header, body: body}
	require.False(t, got.code >= 300 && got.code < 400, "an API never redirects: %s", got)
	return got
}

// query makes query values of pairs.
func query(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}
