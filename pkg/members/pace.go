package members

import "time"

const (
	// firstLimit is how many requests a member gets at a time before anything is
	// known of it, and what it gets at least as long as it answers: latency alone
	// does not take the limit below it.
	firstLimit = 8
	// leastUnanswered is what is left to a member that does not answer in time. A
	// request without an answer keeps its place for long, and one that the member
	// chokes on must not hold up all others.
	leastUnanswered = 4
	// slowAnswer is how long an answer may take until it counts as none: a sixth of
	// the time for a request.
	slowAnswer = 5 * time.Second
	// baselineSpan is for how long the shortest answer counts, at least; at most
	// twice as long.
	baselineSpan = time.Minute
)

// ending is how a request to a member ended, as far as it tells of the load there.
type ending int

const (
	// endedWell: it was carried out.
	endedWell ending = iota
	// endedRefused: the member says that it has too much to do.
	endedRefused
	// endedUnanswered: there was no answer, or not in time.
	endedUnanswered
)

// pace finds how many requests at a time a member bears.
//
// It goes by the time that answers take, as FAST TCP sets its window (Wei, Jin, Low,
// Hegde: "FAST TCP: Motivation, Architecture, Algorithms, Performance", IEEE/ACM
// Transactions on Networking 14(6), 2006): of limit requests in flight, limit *
// shortest/mean are being worked on, and the rest waits in the member. It aims at
// firstLimit that wait. So the limit is never below that on account of latency, and
// goes up as long as more requests at a time do not take longer, by one in a round
// trip and only while all of it is used. A member that stays slow is in time taken
// for one that is as it is. A refusal, or no answer, halves it at most
// once in a round trip (additive increase, multiplicative decrease: Chiu and Jain,
// "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in
// Computer Networks", Computer Networks and ISDN Systems 17, 1989).
type pace struct {
	limit, most float64
	// shortest answer of this span and of the one before; 0 if there was none.
	shortest, before time.Duration
	spanEnds         time.Time
	// answers of this round, how long they took together, and whether all of the
	// limit was used.
	answers int
	took    time.Duration
	full    bool
	// halved is when the limit was last halved: what was sent before says nothing new.
	halved time.Time
}

func newPace(most int) pace {
	return pace{limit: float64(min(firstLimit, most)), most: float64(most)}
}

// atATime is the limit in whole requests.
func (p *pace) atATime() int { return int(p.limit) }

// done takes over how a request ended that was in flight from began to now, as one
// of inFlight.
func (p *pace) done(began, now time.Time, inFlight int, e ending) {
	took := now.Sub(began)
	if e == endedWell && took >= slowAnswer {
		e = endedUnanswered
	}
	switch e {
	case endedWell:
		p.answered(took, now, inFlight)
	case endedRefused:
		p.halve(began, now, 1)
	case endedUnanswered:
		p.halve(began, now, leastUnanswered)
	}
}

func (p *pace) answered(took time.Duration, now time.Time, inFlight int) {
	took = max(took, time.Microsecond)
	if now.After(p.spanEnds) {
		p.shortest, p.before, p.spanEnds = 0, p.shortest, now.Add(baselineSpan)
	}
	if p.shortest == 0 || took < p.shortest {
		p.shortest = took
	}
	p.answers++
	p.took += took
	p.full = p.full || inFlight >= p.atATime()
	if p.answers < p.atATime() {
		return
	}
	mean, full := p.took/time.Duration(p.answers), p.full
	p.beginRound()
	baseline := p.shortest
	if p.before > 0 {
		baseline = min(baseline, p.before)
	}
	aim := p.limit*float64(baseline)/float64(mean) + firstLimit
	switch {
	case aim < p.limit:
		p.limit = (p.limit + aim) / 2
	case full:
		p.limit = min(p.limit+1, aim, p.most)
	}
}

func (p *pace) beginRound() {
	p.answers, p.took, p.full = 0, 0, false
}

func (p *pace) halve(began, now time.Time, least float64) {
	if !began.After(p.halved) {
		return
	}
	p.halved = now
	p.limit = min(p.limit, max(p.limit/2, least))
	p.beginRound()
}
