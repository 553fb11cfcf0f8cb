package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Versions returns the versions in which the member serves the resource, the
// preferred one first, if the version of Resource is not among them; then the
// first one is what is observed. It returns nil if the version of Resource is
// served, or if that is not known.
func (t *Type) Versions() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.versions
}

// observed returns the resource in the version that the member is asked in.
func (t *Type) observed() schema.GroupVersionResource {
	if versions := t.Versions(); len(versions) > 0 {
		return t.resource.GroupResource().WithVersion(versions[0])
	}
	return t.resource
}

// resolve finds out in which versions the member serves the resource, and reports
// whether another version than before is to be observed.
func (t *Type) resolve(ctx context.Context, conn *connection) (changed bool, err error) {
	served, err := t.servedVersions(ctx, conn)
	if err != nil {
		return false, err
	}
	if slices.Contains(served, t.resource.Version) {
		served = nil
	}
	before := t.observed()
	t.mu.Lock()
	t.versions = served
	t.mu.Unlock()
	return t.observed() != before, nil
}

// servedVersions reads the discovery of the member: the versions of the group that
// have the resource.
func (t *Type) servedVersions(ctx context.Context, conn *connection) ([]string, error) {
	if t.resource.Group == "" {
		return nil, nil // there is one version only
	}
	var group metav1.APIGroup
	if found, err := t.discover(ctx, conn, &group, "apis", t.resource.Group); !found || err != nil {
		return nil, err
	}
	names := []string{group.PreferredVersion.Version}
	for _, version := range group.Versions {
		if !slices.Contains(names, version.Version) {
			names = append(names, version.Version)
		}
	}
	var served []string
	for _, name := range names {
		var list metav1.APIResourceList
		found, err := t.discover(ctx, conn, &list, "apis", t.resource.Group, name)
		if err != nil {
			return nil, err
		}
		if found && slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool {
			return r.Name == t.resource.Resource && r.Namespaced == t.namespaced
		}) {
			served = append(served, name)
		}
	}
	return served, nil
}

func (t *Type) discover(ctx context.Context, conn *connection, into any, path ...string) (found bool, err error) {
	limited, cancel := context.WithTimeout(ctx, t.member.options.RequestTimeout)
	defer cancel()
	raw, err := answerOf(conn.rest.Get().AbsPath(path...).SetHeader("Accept", "application/json").Do(limited))
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, conn.errorOf(ctx, t.resource, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return false, fmt.Errorf("member %s: reading what it serves: %w", t.member.name, err)
	}
	return true, nil
}

// followVersions ends the watch of a version that is not that of Resource, when the
// member has begun to serve that one.
func (t *Type) followVersions(ctx context.Context, conn *connection, end context.CancelFunc) {
	if len(t.Versions()) == 0 {
		return
	}
	for pause(ctx, nil, t.member.options.MaxBackoff) == nil {
		if changed, err := t.resolve(ctx, conn); err == nil && changed {
			end()
			return
		}
	}
}

// isNotAvailable says that the member does not serve what it was asked for.
func (t *Type) isNotAvailable(conn *connection, err error) bool {
	var notAvailable *NotAvailableError
	return apierrors.IsNotFound(err) || errors.As(conn.errorOf(t.ctx, t.resource, err), &notAvailable)
}
