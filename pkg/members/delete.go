package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// Delete deletes the object with that UID. gone says that it is no more there;
// without an error and not gone, its deletion is under way and its end will be
// seen as an event. An object with another UID is not deleted: NotOursError.
// Of options the UID precondition is set here.
func (t *Type) Delete(ctx context.Context, key types.NamespacedName, uid types.UID, options metav1.DeleteOptions) (gone bool, err error) {
	if err := t.check(key); err != nil {
		return false, err
	}
	if uid == "" {
		return false, fmt.Errorf("deleting %s %q: a UID must be given", t.resource.Resource, key)
	}
	conn, err := t.member.connection()
	if err != nil {
		return false, err
	}
	answer, err := t.sendDelete(ctx, conn, key, uid, options)
	switch {
	case apierrors.IsNotFound(err) && !isUnserved(err):
		t.wrote(conn, func() { t.view.deleted(key, uid) })
		return true, nil
	case apierrors.IsConflict(err):
		return t.afterConflict(ctx, key, uid, err)
	case err != nil:
		return false, err
	}
	if answer.gone() {
		t.wrote(conn, func() { t.view.deleted(key, uid) })
		return true, nil
	}
	if answer.Metadata.UID == uid && answer.Metadata.ResourceVersion != "" {
		t.wrote(conn, func() { t.view.wrote(key, observe(&answer.Metadata)) })
	}
	return false, nil
}

// deleteAnswer is what a member answers to a deletion: the object as it is or
// was, or a status.
type deleteAnswer struct {
	Kind     string                `json:"kind"`
	Metadata metav1.ObjectMeta     `json:"metadata"`
	Details  *metav1.StatusDetails `json:"details"`
}

// gone says whether the answer is about an object that is no more there. A status
// without a UID does not say so.
func (a *deleteAnswer) gone() bool {
	if a.Kind == "Status" {
		return a.Details != nil && a.Details.UID != ""
	}
	return a.Metadata.UID != "" && a.Metadata.DeletionTimestamp == nil
}

func (t *Type) sendDelete(ctx context.Context, conn *connection, key types.NamespacedName, uid types.UID, options metav1.DeleteOptions) (*deleteAnswer, error) {
	options.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}
	preconditions := metav1.Preconditions{UID: &uid}
	if options.Preconditions != nil {
		preconditions.ResourceVersion = options.Preconditions.ResourceVersion
	}
	options.Preconditions = &preconditions
	body, err := json.Marshal(&options)
	if err != nil {
		return nil, fmt.Errorf("encoding the options of a deletion: %w", err)
	}

	limited, cancel := context.WithTimeout(ctx, t.member.options.RequestTimeout)
	defer cancel()
	raw, err := answerOf(conn.rest.Delete().AbsPath(t.path(key)...).
		SetHeader("Content-Type", runtime.ContentTypeJSON).
		SetHeader("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json").
		Body(body).Do(limited))
	if err != nil {
		return nil, conn.errorOf(ctx, t.resource, err)
	}
	answer := &deleteAnswer{}
	if err := json.Unmarshal(raw, answer); err != nil {
		return nil, fmt.Errorf("member %s: reading the answer to the deletion of %s %q: %w", t.member.name, t.resource.Resource, key, err)
	}
	return answer, nil
}

// answerOf returns the bytes of an answer.
func answerOf(result rest.Result) ([]byte, error) {
	// Error reads the member's status out of an answer, which Raw does not.
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

func (t *Type) path(key types.NamespacedName) []string {
	segments := []string{"apis", t.resource.Group, t.observed().Version}
	if t.resource.Group == "" {
		segments = []string{"api", t.resource.Version}
	}
	if key.Namespace != "" {
		segments = append(segments, "namespaces", key.Namespace)
	}
	return append(segments, t.resource.Resource, key.Name)
}

// afterConflict finds out what a deletion conflicted with.
func (t *Type) afterConflict(ctx context.Context, key types.NamespacedName, uid types.UID, conflict error) (gone bool, err error) {
	live, found, err := t.GetLive(ctx, key)
	switch {
	case err != nil:
		return false, errors.Join(conflict, err)
	case !found:
		return true, nil
	case live.UID != uid:
		return false, &NotOursError{Member: t.member.name, Key: key, UID: uid, Err: conflict}
	}
	return false, conflict
}
