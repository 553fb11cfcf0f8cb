package propagation

import (
	"context"
	"slices"
)

func (w *world) HasSynced() bool { return true }

func (w *world) Registered(_ context.Context, name string) (*Registration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if live, ok := w.registered[name]; ok {
		return live, nil
	}
	for _, c := range w.clusters {
		if c.name == name && !w.removed[name] {
			return &Registration{Labels: c.Labels()}, nil
		}
	}
	return nil, nil
}

func (w *world) Get(name string) Member {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.clusters {
		if c.name == name && !w.removed[name] {
			return c
		}
	}
	return nil
}

func (w *world) List() []Member {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Member
	for _, c := range w.clusters {
		if !w.removed[c.name] {
			list = append(list, c)
		}
	}
	return list
}

func (w *world) AddHandler(handle func(MemberChange)) {
	w.mu.Lock()
	w.handlers = append(w.handlers, handle)
	w.mu.Unlock()
	for _, member := range w.List() {
		handle(MemberChange{Name: member.Name(), Added: true})
	}
}

func (w *world) tell(change MemberChange) {
	w.mu.Lock()
	handlers := slices.Clone(w.handlers)
	w.mu.Unlock()
	for _, handle := range handlers {
		handle(change)
	}
}

// leave takes a cluster out of the federation.
func (w *world) leave(cluster string) {
	w.mu.Lock()
	w.removed[cluster] = true
	w.mu.Unlock()
	w.tell(MemberChange{Name: cluster, Removed: true})
}

// join brings a cluster back that has left.
func (w *world) join(cluster string) {
	w.mu.Lock()
	delete(w.removed, cluster)
	w.mu.Unlock()
	w.tell(MemberChange{Name: cluster, Added: true})
}
