package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// wipe takes all that the server has stored away. The host and the members still know the federation: until somebody
// confirms the empty store, nothing may be written to members. Clusters join it again, and clients make their objects again,
// but for some, of which the copies must stay and be let go.
func (s *soak) wipe(ctx context.Context, round int) error {
	e := s.history.note("fault", "wipe the store", "federation-apiserver", nil)
	if err := s.Federation().Kill(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(s.Federation().DataDir()); err != nil {
		return fmt.Errorf("wipe the store: %w", err)
	}
	if err := s.Reinstall(ctx); err != nil {
		return err
	}
	if err := s.awaitRecovery(ctx, "StoreEmpty"); err != nil {
		return err
	}
	if err := s.await(ctx, "the configuration", s.probeOften); err != nil {
		return err
	}
	for _, name := range s.names {
		if err := s.await(ctx, name+" to join again", func(ctx context.Context) error { return s.joinAgain(ctx, name) }); err != nil {
			return err
		}
	}
	if err := s.makeAgain(ctx, s.forget(round)); err != nil {
		return err
	}
	if err := s.checkReadOnly(ctx); err != nil {
		return err
	}
	return s.confirm(ctx, e)
}

// forget makes what shall be that of before, but for what no client makes again, and returns what they do.
func (s *soak) forget(round int) map[key]value {
	d := newDice(s.seed, round, "wipe")
	s.model.begin()
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	s.model.restored, s.saved = true, nil
	again := map[key]value{}
	for _, k := range slices.SortedFunc(maps.Keys(s.model.objects), func(a, b key) int { return strings.Compare(a.String(), b.String()) }) {
		v, isForgotten := *s.model.now(k), d.chance(0.25)
		if isForgotten && k.Namespace+k.Name != home+home || v.Absent {
			v = value{Absent: true}
		} else {
			again[k] = v
		}
		s.model.objects[k].settle(v, time.Now())
	}
	for name, t := range s.model.clusters {
		t.settle(*s.model.actual[name], time.Now())
	}
	return again
}

// makeAgain makes the objects that clients make again.
func (s *soak) makeAgain(ctx context.Context, again map[key]value) error {
	for k, v := range again {
		if err := s.await(ctx, k.String()+" to be made again", func(ctx context.Context) error { return send(ctx, s.host, k, &v) }); err != nil {
			return err
		}
	}
	return nil
}

// joinAgain joins a cluster, and gives it the labels that it had.
func (s *soak) joinAgain(ctx context.Context, name string) error {
	if err := s.join(ctx, name); err != nil {
		return err
	}
	s.model.mu.Lock()
	body, err := json.Marshal([]map[string]any{{"op": "add", "path": "/metadata/labels", "value": s.model.actual[name].Labels}})
	s.model.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = s.host.Resource(clusterResource).Namespace(env.SystemNamespace).Patch(ctx, name, types.JSONPatchType, body, metav1.PatchOptions{})
	return err
}
