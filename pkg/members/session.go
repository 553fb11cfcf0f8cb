package members

import (
	"context"

	"k8s.io/client-go/dynamic"
)

// Session waits until requests can be sent to the member and calls use, once. The
// client is for objects of any kind. cluster identifies what is reached: while it
// is the same, resource versions can be compared. The context of use ends with
// ctx, and when the connection is replaced or the member goes. The error is that
// of use, or says that ctx or the member ended first.
func (m *Member) Session(ctx context.Context, use func(ctx context.Context, client dynamic.Interface, cluster string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	conn, err := m.await(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(conn.ctx, cancel)()
	return use(ctx, conn.objects, conn.address)
}
