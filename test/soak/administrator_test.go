package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// runAdministrator changes clusters, types and the wandering namespace until the context ends.
func (s *soak) runAdministrator(ctx context.Context, round int) {
	d, client := newDice(s.seed, round, "administrator"), s.newClient()
	for i := 0; ; i++ {
		deed, member := d.IntN(20), pick(d, s.names...)
		labels := map[string]string{"tier": pick(d, "a", "b"), "ring": pick(d, "0", "1")}
		name := pick(d, configMaps, secrets, deployments)
		away := d.between(200*time.Millisecond, 2*time.Second)
		space := d.namespace(fmt.Sprintf("administrator-%d-%d-%d", s.seed, round, i), s.names)
		if !pauseFor(ctx, d.between(500*time.Millisecond, 3*time.Second)) {
			return
		}
		ctx := context.WithoutCancel(ctx)
		switch {
		case deed < 9:
			s.label(ctx, client, member, labels)
		case deed < 14:
			s.edit(ctx, client, "administrator", key{namespaces, wandering, wandering}, space)
		case deed < 16:
			s.stopType(ctx, client, name, "propagation")
			pauseFor(ctx, away)
			_ = s.startTypes(ctx, client, name) // heal does what fails
		case deed < 18:
			s.stopType(ctx, client, deployments, "statusCollection")
			pauseFor(ctx, away)
			_ = s.startTypes(ctx, client, deployments)
		case deed < 19:
			s.rejoin(ctx, member, away)
		}
	}
}

// namespace chooses what the wandering FederatedNamespace shall be.
func (d dice) namespace(edit string, members []string) value {
	v := value{Edit: edit}
	if d.chance(0.2) {
		v.Absent = true
		return v
	}
	v.Data = map[string]string{"soak": pick(d, "x", "y", "z")}
	if v.Selector = map[string]string{}; d.chance(0.6) {
		d.place(&v, members)
	}
	return v
}

// label gives a cluster other labels.
func (s *soak) label(ctx context.Context, client dynamic.Interface, member string, labels map[string]string) {
	s.model.mu.Lock()
	t := s.model.clusters[member]
	joined := false
	for _, o := range t.open() {
		joined = joined || o.value.Joined
	}
	span := t.attempt(membership{Joined: joined, Labels: labels}, time.Now())
	s.model.mu.Unlock()
	e := s.history.note("administrator", "label", member, labels)
	body, err := json.Marshal([]map[string]any{{"op": "add", "path": "/metadata/labels", "value": labels}})
	if err == nil {
		_, err = client.Resource(clusterResource).Namespace(env.SystemNamespace).Patch(ctx, member, types.JSONPatchType, body, metav1.PatchOptions{})
	}
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	switch {
	case err == nil:
		t.acknowledge(span, time.Now())
		s.acknowledged.Add(1)
		s.history.answered(e, "acknowledged")
	case isRefused(err), apierrors.IsNotFound(err):
		t.refuse(span)
		s.history.answered(e, "refused: %v", err)
	default:
		s.history.answered(e, "lost: %v", err)
	}
}

// stopType switches something of a type off.
func (s *soak) stopType(ctx context.Context, client dynamic.Interface, resource, field string) {
	if field == "propagation" {
		s.model.mu.Lock()
		s.model.stopped[resource] = true
		s.model.mu.Unlock()
	}
	_ = s.setType(ctx, client, resource, map[string]any{field: "Disabled"})
}

// startTypes switches types on again, as far as the faults allow; heal does the rest.
func (s *soak) startTypes(ctx context.Context, client dynamic.Interface, names ...string) error {
	for _, name := range names {
		spec := map[string]any{"propagation": "Enabled"}
		if name == deployments {
			spec["statusCollection"] = "Enabled"
		}
		if err := s.setType(ctx, client, name, spec); err != nil {
			return err
		}
	}
	return nil
}

func (s *soak) setType(ctx context.Context, client dynamic.Interface, resource string, spec map[string]any) error {
	e := s.history.note("administrator", "set type", resource, spec)
	body, err := json.Marshal(map[string]any{"spec": spec})
	if err == nil {
		_, err = client.Resource(typeResource).Namespace(env.SystemNamespace).Patch(ctx, typeNames[resource], types.MergePatchType, body, metav1.PatchOptions{})
	}
	s.history.answered(e, "%v", err)
	return err
}

// rejoin lets a cluster leave the federation, and join it again after a while, with the project's own command. heal
// joins it if that fails for the faults.
func (s *soak) rejoin(ctx context.Context, member string, away time.Duration) {
	s.model.mu.Lock()
	t := s.model.clusters[member]
	gone := t.attempt(membership{}, time.Now())
	s.model.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	e := s.history.note("administrator", "unjoin", member, nil)
	err := s.fed(ctx, "unjoin", member)
	s.history.answered(e, "%v", err)
	if err == nil {
		s.model.mu.Lock()
		t.acknowledge(gone, time.Now())
		s.model.mu.Unlock()
		s.acknowledged.Add(1)
		pauseFor(ctx, away)
	}
	_ = s.join(ctx, member)
}

// join joins a cluster and leads the federation's connection to it through its gateway.
func (s *soak) join(ctx context.Context, member string) error {
	s.model.mu.Lock()
	t := s.model.clusters[member]
	// It is never taken as acknowledged: a cluster that was there still keeps its labels.
	t.attempt(membership{Joined: true}, time.Now())
	s.model.mu.Unlock()
	e := s.history.note("administrator", "join", member, nil)
	// Behind a gateway it has another address than the one that is joined.
	err := s.fed(ctx, "join", member, "--error-on-existing=false")
	if g := s.gateways[member]; err == nil && g != nil {
		err = s.redirect(ctx, member, g)
	}
	s.history.answered(e, "%v", err)
	return err
}

func (s *soak) redirect(ctx context.Context, member string, g *gateway) error {
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"apiEndpoint": g.endpoint(), "caBundle": g.authority}})
	if err != nil {
		return err
	}
	_, err = s.host.Resource(clusterResource).Namespace(env.SystemNamespace).Patch(ctx, member, types.MergePatchType, body, metav1.PatchOptions{})
	return err
}

func (s *soak) fed(ctx context.Context, verb, member string, more ...string) error {
	args := append([]string{verb, member, "--cluster-context", member, "--host-cluster-context", env.HostName, "--kubeconfig", s.JoinKubeconfig()}, more...)
	command := s.Command(ctx, "kubectl-fed", args...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl fed %s %s: %w: %s", verb, member, err, bytes.TrimSpace(output))
	}
	return nil
}
