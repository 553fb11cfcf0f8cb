package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// events is a watch that is read as it comes over the wire.
type events struct {
	c       *trial
	answer  *http.Response
	decoder *json.Decoder
	cancel  context.CancelFunc
}

type event struct {
	kind   string
	object *unstructured.Unstructured
}

// watch starts a watch of the trial's collection, which ends with the trial.
func (c *trial) watch(header map[string]string, pairs ...string) *events {
	c.Helper()
	ctx, cancel := context.WithTimeout(background, patience)
	answer := c.path.open(c.TB, request{
		method: http.MethodGet, path: c.everywhere(), header: header, context: ctx, query: query(append(pairs, "watch", "1")...),
	})
	e := &events{c: c, answer: answer, decoder: json.NewDecoder(answer.Body), cancel: cancel}
	c.Cleanup(e.stop)
	return e
}

func (e *events) stop() {
	e.cancel()
	// It was cut off.
	_ = e.answer.Body.Close()
}

// next waits for the next event.
func (e *events) next() event {
	e.c.Helper()
	got, err := e.read()
	require.NoError(e.c, err, "the watch ended with status %d", e.answer.StatusCode)
	return got
}

func (e *events) read() (event, error) {
	require.Equal(e.c, http.StatusOK, e.answer.StatusCode)
	var wire struct {
		Type   string
		Object map[string]any
	}
	err := e.decoder.Decode(&wire)
	return event{wire.Type, &unstructured.Unstructured{Object: wire.Object}}, err
}

// until reads events until one matches, and returns all that were read.
func (e *events) until(matches func(event) bool) []event {
	e.c.Helper()
	var seen []event
	for {
		got := e.next()
		seen = append(seen, got)
		if matches(got) {
			return seen
		}
	}
}

// rest reads until the server ends the watch, and says how long that took.
func (e *events) rest() ([]event, time.Duration) {
	begin := time.Now()
	var seen []event
	for {
		got, err := e.read()
		if errors.Is(err, io.EOF) {
			return seen, time.Since(begin)
		}
		require.NoError(e.c, err, "the watch ends without an error")
		seen = append(seen, got)
	}
}

func newDecoder(answer *http.Response) *json.Decoder { return json.NewDecoder(answer.Body) }
