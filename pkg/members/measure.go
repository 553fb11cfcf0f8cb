package members

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// measure lets the flow learn from how a request ended, and takes the member's wish
// for a pause off the answer: client-go would wait itself, for as long as the member
// says, and keep the place of another request meanwhile.
func (t *transport) measure(request *http.Request, began time.Time, response *http.Response, err error) {
	var after time.Duration
	if response != nil {
		after = retryAfter(response.Header)
		response.Header.Del("Retry-After")
	}
	if !isPaced(request) {
		return
	}
	switch {
	case errors.Is(request.Context().Err(), context.Canceled): // nobody waited for the answer
	case err != nil, response.StatusCode == http.StatusGatewayTimeout:
		t.flow.done(began, endedUnanswered, 0)
	case response.StatusCode == http.StatusTooManyRequests, response.StatusCode == http.StatusServiceUnavailable:
		t.flow.done(began, endedRefused, after)
	case response.StatusCode < http.StatusMultipleChoices && isWrite(request):
		t.flow.done(began, endedWell, 0)
	}
}

// isPaced says that a request is for one object: the time of lists and watches says
// nothing of the load, and probes are asked of a member that is known to be ill.
func isPaced(request *http.Request) bool {
	if isWrite(request) {
		return true
	}
	query := request.URL.Query()
	return request.Context().Value(probingKey{}) == nil && !query.Has("watch") && !query.Has("limit") && !query.Has("labelSelector") && !query.Has("resourceVersion")
}

func isWrite(request *http.Request) bool {
	return request.Method != http.MethodGet && request.Method != http.MethodHead
}

// retryAfter returns the pause that an answer asks for, in the one of its two forms
// that Kubernetes uses: seconds.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, int(longestPause/time.Second))) * time.Second
}
