package members

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// What is read of a member is bounded: it may lie.
const (
	// objectLimit bounds an object, and an event of a watch, in bytes: an etcd takes
	// 1.5 MiB unless it is told otherwise.
	objectLimit = 8 << 20
	// listLimit bounds a page of a list, or a whole one from a cache that knows no
	// pages, in bytes. Members that stream their lists have no need of it.
	listLimit = 128 << 20
	// smallList is what is read of a list while another is being read, in bytes. Of
	// those that are longer a member sends one after the other: it is asked for all
	// types at once.
	smallList = 8 << 20
	// headerLimit bounds the headers of an answer, in bytes.
	headerLimit = 256 << 10
)

// TooLargeError means that a member sent more than is read of it.
type TooLargeError struct {
	// What was too large.
	What string
	// Limit in bytes.
	Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("it sent %s of more than %d MiB", e.What, e.Limit>>20)
}

// bounded returns the body of an answer with the bound for what was asked for.
func (t *transport) bounded(request *http.Request, response *http.Response) io.ReadCloser {
	body := limited{ReadCloser: response.Body, what: "an object", limit: objectLimit}
	body.misbehaved, _ = request.Context().Value(misbehavedKey{}).(func(string))
	query := request.URL.Query()
	switch {
	case response.StatusCode >= http.StatusMultipleChoices:
		body.what = "an error"
	case query.Get("watch") == "true":
		// Every event begins anew. Those of protobuf say their length, and who reads them
		// bounds it.
		if !strings.Contains(response.Header.Get("Content-Type"), "protobuf") {
			body.what, body.events = "an event", true
			break
		}
		return response.Body
	case request.Method == http.MethodGet && (query.Has("limit") || query.Has("labelSelector") || query.Has("resourceVersion")):
		body.what, body.limit = "a list", listLimit
		body.ctx, body.turn = request.Context(), t.longLists
	}
	return &body
}

// limited ends with an error when there is more in it than the limit. It is read by
// one at a time.
type limited struct {
	io.ReadCloser
	what        string
	limit, read int64
	// misbehaved is told of the excess, nil if there is nobody to tell.
	misbehaved func(detail string)
	// events says that it is JSON values one after the other, each with a limit of its
	// own; depth, quoted and escaped say where in one the reader is.
	events          bool
	depth           int
	quoted, escaped bool
	// turn is taken by lists when they turn out long, until they are closed; ctx
	// bounds the wait for it. nil for what is not a list.
	turn  chan struct{}
	ctx   context.Context
	taken bool
}

// takeTurn waits until no other long list is being read.
func (l *limited) takeTurn() error {
	select {
	case l.turn <- struct{}{}:
		l.taken = true
		return nil
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
}

// Close implements io.Closer.
func (l *limited) Close() error {
	if l.taken {
		l.taken = false
		<-l.turn
	}
	return l.ReadCloser.Close()
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.turn != nil && !l.taken && l.read >= smallList {
		if err := l.takeTurn(); err != nil {
			return 0, err
		}
	}
	n, err := l.ReadCloser.Read(p)
	if l.events {
		l.scan(p[:n])
	} else {
		l.read += int64(n)
	}
	if l.read > l.limit {
		err := &TooLargeError{What: l.what, Limit: l.limit}
		if l.misbehaved != nil {
			l.misbehaved(err.Error())
		}
		return 0, err
	}
	return n, err
}

// scan counts the bytes since the last value ended.
func (l *limited) scan(data []byte) {
	for _, b := range data {
		l.read++
		switch {
		case l.escaped:
			l.escaped = false
		case l.quoted:
			l.escaped, l.quoted = b == '\\', b != '"'
		case b == '"':
			l.quoted = true
		case b == '{' || b == '[':
			l.depth++
		case b == '}' || b == ']':
			if l.depth--; l.depth <= 0 {
				l.depth, l.read = 0, 0
			}
		}
		if l.read > l.limit {
			return
		}
	}
}

// MisbehavedError means that a member said what no Kubernetes API server says.
type MisbehavedError struct {
	Member string
	Detail string
}

func (e *MisbehavedError) Error() string {
	return strings.TrimPrefix(fmt.Sprintf("member %s: %s", e.Member, e.Detail), "member : ")
}

// implausible says what is wrong with the identity of an object, which is kept for
// each; empty: nothing.
func (r *record) implausible() string {
	for _, part := range [...]struct {
		what, text string
		most       int
	}{
		{"name", r.key.Name, 253},
		{"namespace", r.key.Namespace, 63},
		{"UID", string(r.observed.UID), 128},
		{"resourceVersion", r.observed.ResourceVersion, 128},
		{"managed label", r.observed.Managed, 63},
	} {
		if len(part.text) > part.most {
			return fmt.Sprintf("it sent an object with a %s of more than %d bytes", part.what, part.most)
		}
	}
	return ""
}

// tooMany says that there are more objects than most; empty: there are not.
func tooMany(objects, most int) string {
	if objects <= most {
		return ""
	}
	return fmt.Sprintf("it sent more than %d objects", most)
}

// tooLong says that there are more bytes of statuses than most; empty: there are not.
func tooLong(bytes, most int) string {
	if bytes <= most {
		return ""
	}
	return fmt.Sprintf("it sent statuses of more than %d MiB", most>>20)
}

type misbehavedKey struct{}

// telling returns a context for requests: misbehaved is told when the answer to one
// is too large. The error alone would not come through where a watch is decoded.
func telling(ctx context.Context, misbehaved func(detail string)) context.Context {
	return context.WithValue(ctx, misbehavedKey{}, misbehaved)
}
