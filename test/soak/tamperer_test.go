package soak

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// runTamperer changes and deletes copies in the members, and makes objects there that are nobody's business, until the
// context ends.
func (s *soak) runTamperer(ctx context.Context, round int) {
	d := newDice(s.seed, round, "tamperer")
	for i := 0; ; i++ {
		member := pick(d, s.names...)
		k := pick(d, keysOf(d.IntN(editors))...)
		deed, data := d.IntN(10), fmt.Sprintf("%s%d", tampering, i)
		pause := d.between(300*time.Millisecond, 1500*time.Millisecond)
		field := pick(d, "k0", "k1", "k2", tampering+"field")
		if !pauseFor(ctx, pause) {
			return
		}
		ctx := context.WithoutCancel(ctx)
		if deed == 9 {
			s.addBystander(ctx, member, fmt.Sprintf("bystander-%d-%d", round, i))
			continue
		}
		if k.Namespace == unfederated {
			continue
		}
		s.tamper(ctx, member, k, deed, field, data)
	}
}

// tamper does something to a copy, if there is one.
func (s *soak) tamper(ctx context.Context, member string, k key, deed int, field, data string) {
	s.model.mu.Lock()
	s.model.tampered[target{member, k}] = true
	s.model.mu.Unlock()
	objects := s.members[member].Resource(resources[k.Resource].copies).Namespace(k.Namespace)
	patch := func(change map[string]any) error {
		body, err := json.Marshal(change)
		if err != nil {
			return err
		}
		_, err = objects.Patch(ctx, k.Name, types.MergePatchType, body, metav1.PatchOptions{})
		return err
	}
	var what string
	var err error
	var e *entry
	switch {
	case deed < 3:
		what = "delete copy"
		e = s.history.note("tamperer", what, member+" "+k.String(), nil)
		err = objects.Delete(ctx, k.Name, metav1.DeleteOptions{})
	case deed < 4:
		what = "take the label off"
		e = s.history.note("tamperer", what, member+" "+k.String(), nil)
		err = patch(map[string]any{"metadata": map[string]any{"labels": map[string]any{managedLabel: nil}}})
	default:
		what = "change copy"
		e = s.history.note("tamperer", what, member+" "+k.String(), field+"="+data)
		switch k.Resource {
		case deployments:
			err = patch(map[string]any{"spec": map[string]any{"replicas": 7}})
		case secrets:
			err = patch(map[string]any{"data": map[string]any{field: base64.StdEncoding.EncodeToString([]byte(data))}})
		default:
			err = patch(map[string]any{"data": map[string]any{field: data}})
		}
	}
	s.history.answered(e, "%v", err)
	if err != nil && !apierrors.IsNotFound(err) {
		return // a member that is away, or hangs; whether it was done does not matter
	}
}
