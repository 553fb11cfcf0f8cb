package soak

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// hops bounds how often an edit changes between creating and patching, as the object comes and goes.
const hops = 4

// errDeleting says that an edit met an object that is going.
var errDeleting = errors.New("the object is being deleted")

// edit makes one object what the client wants, through the host, and notes what came of it.
func (s *soak) edit(ctx context.Context, client dynamic.Interface, who string, k key, v value) {
	span := s.model.attempt(k, v)
	e := s.history.note(who, "edit", k.String(), v)
	err := send(ctx, client, k, &span.value)
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	switch {
	case err == nil:
		s.model.object(k).acknowledge(span, time.Now())
		s.history.answered(e, "acknowledged")
		s.acknowledged.Add(1)
	case isRefused(err):
		s.model.object(k).refuse(span)
		if errors.Is(err, errDeleting) { // the annotation was written, and a deletion heeds it
			late := s.model.removedLate
			if v.Orphan {
				late = s.model.keptLate
			}
			late[k] = true
		}
		s.history.answered(e, "refused: %v", err)
	default:
		s.history.answered(e, "lost: %v", err)
	}
}

// isRefused says that an error is an answer which says that nothing was done.
func isRefused(err error) bool {
	return errors.Is(err, errDeleting) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err)
}

func send(ctx context.Context, client dynamic.Interface, k key, v *value) error {
	objects := client.Resource(resources[k.Resource].federated).Namespace(k.Namespace)
	if v.Absent {
		err := objects.Delete(ctx, k.Name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	patch, err := v.replacement(k)
	if err != nil {
		return err
	}
	for range hops {
		var stored *unstructured.Unstructured
		if stored, err = objects.Patch(ctx, k.Name, types.JSONPatchType, patch, metav1.PatchOptions{}); err == nil {
			if stored.GetDeletionTimestamp() != nil {
				return errDeleting
			}
			return nil
		}
		if !apierrors.IsNotFound(err) {
			return err
		}
		if _, err = objects.Create(ctx, v.object(k), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return fmt.Errorf("it came and went: %w", err)
}

// runEditor edits the objects of one client until the context ends.
func (s *soak) runEditor(ctx context.Context, round, editor int) {
	who := fmt.Sprintf("client%d", editor)
	d, client, keys := newDice(s.seed, round, who), s.newClient(), keysOf(editor)
	for i := 0; ; i++ {
		k := pick(d, keys...)
		v := d.object(k, fmt.Sprintf("%s-%d-%d-%d", who, s.seed, round, i), s.names)
		pause := d.between(20*time.Millisecond, 300*time.Millisecond)
		if !pauseFor(ctx, pause) {
			return
		}
		// What is begun is ended: an edit that the test itself gave up would be in doubt.
		s.edit(context.WithoutCancel(ctx), client, who, k, v)
	}
}

// pauseFor waits, and reports whether the context goes on.
func pauseFor(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
