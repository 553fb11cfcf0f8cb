package soak

import (
	"context"
	"sync"
	"time"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// fault is one kind of fault of one thing. weight is how often it is chosen among those of its lane.
type fault struct {
	name   string
	weight int
	// least and most are for how long.
	least, most time.Duration
	// rest is what the thing needs to be up again, before the next fault of the lane.
	rest time.Duration
	// begin makes it; end undoes it, and reports whether it did harm.
	begin func(context.Context) error
	end   func(context.Context) (bool, error)
}

// lane is a thing with its faults, which come one by one; the lanes go on side by side.
type lane struct {
	about  string
	faults []fault
	// pause is the longest between two faults.
	pause time.Duration
}

// always reports that a fault does harm.
func always(do func(context.Context) error) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) { return true, do(ctx) }
}

// lanes are all things that can fail.
func (s *soak) lanes() []lane {
	server := s.Federation().Replicas()[0].Component()
	all := []lane{
		{about: "federation-apiserver", pause: 4 * time.Second, faults: []fault{
			{name: "freeze server", weight: 5, least: 50 * time.Millisecond, most: 1200 * time.Millisecond, begin: server.Freeze, end: always(server.Thaw)},
			{name: "kill server", weight: 2, most: time.Second, rest: 5 * time.Second, begin: server.Kill, end: always(server.Start)},
		}},
		{about: "host kube-apiserver", pause: 6 * time.Second, faults: processFaults("host kube-apiserver", s.Host().APIServer(), 12, 8*time.Second)},
		{about: "host etcd", pause: 6 * time.Second, faults: processFaults("host etcd", s.Host().Etcd(), 6, 2*time.Second)},
	}
	for _, member := range s.Members() {
		network := func(name string, weight int, most time.Duration, begin func(context.Context) error) fault {
			return fault{name: name, weight: weight, least: 50 * time.Millisecond, most: most, begin: begin, end: always(member.RestoreNetwork)}
		}
		all = append(all,
			lane{about: "network of " + member.Name(), pause: 1500 * time.Millisecond, faults: []fault{
				network("cut network", 3, 2*time.Second, member.CutNetwork),
				network("reset network", 3, 400*time.Millisecond, member.RefuseNetwork),
				network("slow network", 2, time.Second, func(ctx context.Context) error { return member.DelayNetwork(ctx, 150*time.Millisecond) }),
			}},
			lane{about: "kube-apiserver of " + member.Name(), pause: 5 * time.Second, faults: processFaults("member kube-apiserver", member.APIServer(), 12, 8*time.Second)},
			lane{about: "etcd of " + member.Name(), pause: 4 * time.Second, faults: processFaults("member etcd", member.Etcd(), 6, 2*time.Second)},
		)
		if g := s.gateways[member.Name()]; g != nil {
			all = append(all, lane{about: "gateway of " + member.Name(), pause: 1500 * time.Millisecond, faults: g.faults()})
		}
	}
	return all
}

// processFaults are those of a process, which is frozen so many times as often as it is killed.
func processFaults(name string, process env.Component, freezes int, rest time.Duration) []fault {
	return []fault{
		{name: "freeze " + name, weight: freezes, least: 50 * time.Millisecond, most: 1200 * time.Millisecond, begin: process.Freeze, end: always(process.Thaw)},
		{name: "kill " + name, weight: 1, most: 500 * time.Millisecond, rest: rest, begin: process.Kill, end: always(process.Start)},
	}
}

func (g *gateway) faults() []fault {
	var all []fault
	for _, trouble := range []string{tooMany, internal, unready, lostReply, slowReply} {
		all = append(all, fault{
			name: "answer " + trouble, weight: 1, least: 200 * time.Millisecond, most: 1500 * time.Millisecond,
			begin: func(context.Context) error { g.set(trouble, 0.6); return nil },
			end:   func(context.Context) (bool, error) { return g.set("", 0) > 0, nil },
		})
	}
	return all
}

// injected counts faults.
type injected struct {
	mu     sync.Mutex
	byName map[string]int
	total  int
	// planned are given out to lanes until none is left.
	planned int
}

func (n *injected) take() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.planned--
	return n.planned >= 0
}

func (n *injected) count(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.byName[name]++
	n.total++
}

// runFaults makes so many faults, and ends when all are undone.
func (s *soak) runFaults(ctx context.Context, round, planned int) {
	s.faults.mu.Lock()
	s.faults.planned = planned
	s.faults.mu.Unlock()
	var lanes sync.WaitGroup
	for _, l := range s.lanes() {
		lanes.Go(func() { s.runLane(ctx, round, l) })
	}
	lanes.Wait()
}

// runKubelet starts the server whenever it has ended, as a kubelet does, until the context ends. A server that finds the host
// without its roles, as it is right after a start, ends by itself.
func (s *soak) runKubelet(ctx context.Context) {
	for pauseFor(ctx, time.Second) {
		if server := s.Federation().Replicas()[0]; server.Running(ctx) != nil {
			e := s.history.note("kubelet", "start server", "", nil)
			s.history.answered(e, "%v", server.Component().Start(ctx))
		}
	}
}

func (s *soak) runLane(ctx context.Context, round int, l lane) {
	d := newDice(s.seed, round, l.about)
	var deck []fault
	for _, f := range l.faults {
		for range f.weight {
			deck = append(deck, f)
		}
	}
	for {
		f, pause := pick(d, deck...), d.between(0, l.pause)
		lasts := d.between(f.least, f.most)
		if !pauseFor(ctx, pause) || !s.faults.take() {
			return
		}
		// What is begun is undone.
		ctx := context.WithoutCancel(ctx)
		e := s.history.note("fault", f.name, l.about, lasts.String())
		err := f.begin(ctx)
		if err == nil {
			pauseFor(ctx, lasts)
			var harm bool
			if harm, err = f.end(ctx); err == nil && harm {
				s.faults.count(f.name)
			}
		}
		// What does not run cannot be frozen: that is no fault, and heal is what mends.
		s.history.answered(e, "%v", err)
		pauseFor(ctx, f.rest)
	}
}
