package hollow

import (
	"net/http"
	"strconv"
	"time"
)

// Fault is what goes wrong with a request. The parts come in the order of the
// fields.
type Fault struct {
	// Delay before anything else.
	Delay time.Duration
	// Hang lets the request go unanswered until the client gives up or the faults of
	// the member change.
	Hang bool
	// Status answers with an error of this status and has no effect; RetryAfter goes
	// with it, rounded up to seconds.
	Status     int
	RetryAfter time.Duration
	// Body answers with 200 and this, whatever it is, and has no effect.
	Body []byte
	// Lose lets the request take effect and cuts the connection instead of answering.
	Lose bool
}

// Injector decides what goes wrong with a request, nil for nothing. It is called
// for every request, by many at a time, and so sees all of them. The path is that
// within the member.
type Injector func(r *http.Request) *Fault

// Inject lets an injector decide from now on, nil for none. Requests that hang are
// released and go on.
func (m *Member) Inject(injector Injector) {
	m.faults.Lock()
	defer m.faults.Unlock()
	m.injector = injector
	close(m.released)
	m.released = make(chan struct{})
}

// Limit lets the member answer 429 to whatever is more than a number of requests
// at a time, watches apart; 0 is no limit.
func (m *Member) Limit(requests int) {
	m.faults.Lock()
	defer m.faults.Unlock()
	m.limit = requests
}

// enter counts a request; false says that there are too many.
func (m *Member) enter() bool {
	m.faults.Lock()
	defer m.faults.Unlock()
	if m.limit > 0 && m.inFlight >= m.limit {
		return false
	}
	m.inFlight++
	return true
}

func (m *Member) leave() {
	m.faults.Lock()
	defer m.faults.Unlock()
	m.inFlight--
}

// suffer does what the injector says, and returns whether the request goes on.
func (m *Member) suffer(w http.ResponseWriter, r *http.Request) (goesOn, lose bool) {
	m.faults.Lock()
	injector, released := m.injector, m.released
	m.faults.Unlock()
	if injector == nil {
		return true, false
	}
	fault := injector(r)
	if fault == nil {
		return true, false
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return false, false
		}
	}
	if fault.Hang {
		select {
		case <-released:
		case <-r.Context().Done():
			return false, false
		}
	}
	switch {
	case fault.Status != 0:
		if fault.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((fault.RetryAfter+time.Second-1)/time.Second)))
		}
		writeError(w, statusError(fault.Status))
		return false, false
	case fault.Body != nil:
		w.Header().Set("Content-Type", jsonType)
		_, _ = w.Write(fault.Body)
		return false, false
	}
	return true, fault.Lose
}
