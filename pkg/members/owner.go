package members

import (
	"context"
	"encoding/json"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// Leased reaches one Lease in a member, whatever is known of the member's health
// and owner.
type Leased struct {
	member          *Member
	namespace, name string
}

// Lease returns the way to a Lease.
func (m *Member) Lease(namespace, name string) *Leased {
	return &Leased{member: m, namespace: namespace, name: name}
}

// OwnerLease returns the Lease, nil if there is none.
func (l *Leased) OwnerLease(ctx context.Context) (*coordinationv1.Lease, error) {
	lease, err := l.send(ctx, func(c rest.Interface) *rest.Request { return c.Get().AbsPath(l.path(l.name)...) })
	if apierrors.IsNotFound(err) && !isUnserved(err) {
		return nil, nil
	}
	return lease, err
}

// WriteOwnerLease creates the Lease, or updates it if it has a resourceVersion.
func (l *Leased) WriteOwnerLease(ctx context.Context, lease *coordinationv1.Lease) error {
	next := lease.DeepCopy()
	next.APIVersion, next.Kind = coordinationv1.SchemeGroupVersion.String(), "Lease"
	next.Namespace, next.Name = l.namespace, l.name
	body, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encoding the Lease %s: %w", l.name, err)
	}
	_, err = l.send(ctx, func(c rest.Interface) *rest.Request {
		request := c.Post().AbsPath(l.path()...)
		if next.ResourceVersion != "" {
			request = c.Put().AbsPath(l.path(l.name)...)
		}
		return request.SetHeader("Content-Type", runtime.ContentTypeJSON).Body(body)
	})
	return err
}

func (l *Leased) path(name ...string) []string {
	return append([]string{"apis", leases.Group, leases.Version, "namespaces", l.namespace, leases.Resource}, name...)
}

func (l *Leased) send(ctx context.Context, request func(rest.Interface) *rest.Request) (*coordinationv1.Lease, error) {
	conn, err := l.member.probed()
	if err != nil {
		return nil, err
	}
	raw, err := answerOf(request(conn.rest).SetHeader("Accept", runtime.ContentTypeJSON).Do(ungated(probing(ctx))))
	if err != nil {
		return nil, conn.errorOf(ctx, leases, err)
	}
	lease := &coordinationv1.Lease{}
	if err := json.Unmarshal(raw, lease); err != nil {
		return nil, fmt.Errorf("member %s: reading the Lease %s: %w", l.member.name, l.name, err)
	}
	l.member.identify(conn, string(lease.UID))
	return lease, nil
}
