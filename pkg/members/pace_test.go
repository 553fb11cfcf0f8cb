package members

import (
	eventheap "container/heap"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// simulated is a member of so many processors, each of which works at one request at
// a time. Time passes in events only.
type simulated struct {
	processors int
	// work is what a request takes of a processor, distance what it takes on its way.
	work, distance time.Duration
	// queued is how many requests wait at most; one more is refused. 0: any number.
	queued int
	// unanswered says that requests get no answer within the time for one.
	unanswered bool
}

const simulatedTimeout = 30 * time.Second

type answer struct {
	began, at time.Time
	ending    ending
}

type answers []answer

func (a answers) Len() int           { return len(a) }
func (a answers) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a answers) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *answers) Push(x any)        { *a = append(*a, x.(answer)) }
func (a *answers) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// backlog is a client of a member that always has more to send.
type backlog struct {
	pace   pace
	now    time.Time
	flying answers
	free   []time.Time
}

func newBacklog(most int) *backlog {
	return &backlog{pace: newPace(most), now: time.Unix(1_000_000, 0)}
}

// send sends requests for a time as the pace has it, at least so many at a time, and
// returns how many were carried out and how many refused.
func (b *backlog) send(s simulated, during time.Duration) (well, refused int) {
	if len(b.free) != s.processors {
		b.free = make([]time.Time, s.processors)
	}
	end := b.now.Add(during)
	for b.now.Before(end) {
		for len(b.flying) < b.pace.atATime() {
			eventheap.Push(&b.flying, b.begin(s))
		}
		next := eventheap.Pop(&b.flying).(answer)
		b.now = next.at
		b.pace.done(next.began, b.now, len(b.flying)+1, next.ending)
		switch next.ending {
		case endedWell:
			well++
		case endedRefused:
			refused++
		}
	}
	return well, refused
}

func (b *backlog) begin(s simulated) answer {
	if s.unanswered {
		return answer{began: b.now, at: b.now.Add(simulatedTimeout), ending: endedUnanswered}
	}
	if s.queued > 0 && len(b.flying) >= s.processors+s.queued {
		return answer{began: b.now, at: b.now.Add(s.distance + time.Millisecond), ending: endedRefused}
	}
	first := 0
	for i := range b.free {
		if b.free[i].Before(b.free[first]) {
			first = i
		}
	}
	starts := b.now
	if b.free[first].After(starts) {
		starts = b.free[first]
	}
	b.free[first] = starts.Add(s.work)
	return answer{began: b.now, at: b.free[first].Add(s.distance), ending: endedWell}
}

func TestThePaceOfMembers(t *testing.T) {
	near := simulated{processors: 2, work: 5 * time.Millisecond, distance: time.Millisecond}
	far := simulated{processors: 64, work: 5 * time.Millisecond, distance: 150 * time.Millisecond}
	for _, test := range []struct {
		name        string
		member      simulated
		least, most int
	}{
		{"a small one near by is kept busy, and no more", near, 8, 12},
		{"a large one far away gets all that may be", far, 32, 32},
		{"a large one near by gets what it can work at, and a few that wait", simulated{processors: 12, work: 20 * time.Millisecond}, 18, 22},
		{"one that refuses the fourth request at a time", simulated{processors: 2, queued: 1, work: 5 * time.Millisecond}, 1, 4},
		{"one that does not answer", simulated{unanswered: true, processors: 1}, leastUnanswered, leastUnanswered},
		{"one that answers after six seconds", simulated{processors: 100, work: 6 * time.Second}, leastUnanswered, leastUnanswered},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBacklog(32)
			b.send(test.member, 50*time.Second)
			require.GreaterOrEqual(t, b.pace.atATime(), test.least)
			require.LessOrEqual(t, b.pace.atATime(), test.most)
		})
	}
}

// A member that gets slow gets less, one that refuses next to nothing, and both get
// what they got before when they are well again.
func TestThePaceFollowsAMember(t *testing.T) {
	well := simulated{processors: 20, work: 10 * time.Millisecond}
	for name, test := range map[string]struct {
		sick simulated
		long time.Duration
		most int
	}{
		"slow":     {simulated{processors: 20, work: 200 * time.Millisecond}, baselineSpan / 2, firstLimit + 4},
		"refuses":  {simulated{processors: 1, queued: 1, work: 10 * time.Millisecond}, baselineSpan / 2, 3},
		"is hung":  {simulated{processors: 20, unanswered: true}, 4 * simulatedTimeout, leastUnanswered},
		"too slow": {simulated{processors: 20, work: slowAnswer}, baselineSpan / 2, leastUnanswered},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBacklog(32)
			b.send(well, 10*time.Second)
			before := b.pace.atATime()
			require.GreaterOrEqual(t, before, 26)
			b.send(test.sick, test.long)
			require.LessOrEqual(t, b.pace.atATime(), test.most)
			b.send(well, 40*time.Second)
			require.GreaterOrEqual(t, b.pace.atATime(), 26)
		})
	}
}

// Whatever the member is like: while it answers it gets at least as many requests at
// a time as a fixed number of workers gave it, it is kept as busy as the bound
// allows, and it gets no more than the bound.
func TestThePaceCostsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := simulated{
			processors: rapid.IntRange(1, 50).Draw(t, "processors"),
			work:       time.Duration(rapid.IntRange(1, 100).Draw(t, "work")) * time.Millisecond,
			distance:   time.Duration(rapid.IntRange(0, 300).Draw(t, "distance")) * time.Millisecond,
		}
		const most = 32
		b := newBacklog(most)
		for range 20 {
			b.send(s, time.Second)
			require.GreaterOrEqual(t, b.pace.atATime(), firstLimit)
			require.LessOrEqual(t, b.pace.atATime(), most)
		}
		const during = 30 * time.Second
		got, _ := b.send(s, during)
		all := min(float64(s.processors)/s.work.Seconds(), most/(s.work+s.distance).Seconds()) * during.Seconds()
		require.GreaterOrEqual(t, float64(got), 0.9*all, "of %f requests that are possible", all)
	})
}

// A member that refuses is not asked in vain most of the time, even without a pause.
func TestThePaceOfAMemberThatRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := simulated{
			processors: rapid.IntRange(1, 30).Draw(t, "processors"),
			queued:     rapid.IntRange(1, 4).Draw(t, "queued"),
			work:       time.Duration(rapid.IntRange(1, 50).Draw(t, "work")) * time.Millisecond,
		}
		b := newBacklog(32)
		b.send(s, 10*time.Second)
		well, refused := b.send(s, 20*time.Second)
		require.LessOrEqual(t, float64(refused), 0.6*float64(well))
		require.GreaterOrEqual(t, float64(well), 0.5*min(float64(s.processors), 32)/s.work.Seconds()*20)
	})
}
