package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// statusTimeout bounds the wait for servers of which another one answers.
const statusTimeout = 2 * time.Second

// ErrCellChanged means that somebody else has written a Cell.
var ErrCellChanged = errors.New("another process has written the value")

// Cell is one value in a store, and a look at the store around it.
type Cell struct {
	source Source
	client *clientv3.Client
	key    string
	quiet  []string
}

// OpenCell connects to a store, which need not be there yet. quiet are prefixes of
// keys whose writes Written does not count.
func OpenCell(ctx context.Context, source Source, key string, quiet ...string) (*Cell, error) {
	config, err := source.config(ctx)
	if err != nil {
		return nil, err
	}
	client, err := clientv3.New(config)
	if err != nil {
		return nil, fmt.Errorf("connect to etcd: %w", err)
	}
	return &Cell{source: source, client: client, key: key, quiet: quiet}, nil
}

// Close ends the connection.
func (c *Cell) Close() error { return c.client.Close() }

// Load returns the value, nil if there is none, and its revision, for Save. What is
// read is the last that was written anywhere.
func (c *Cell) Load(ctx context.Context) (value []byte, revision int64, err error) {
	answer, err := c.client.Get(ctx, c.key)
	if err != nil {
		return nil, 0, fmt.Errorf("read %s of etcd: %w", c.key, err)
	}
	if len(answer.Kvs) == 0 {
		return nil, 0, nil
	}
	return answer.Kvs[0].Value, answer.Kvs[0].ModRevision, nil
}

// Save writes the value if its revision is still the one given, 0 for none, and
// returns the new one. The error wraps ErrCellChanged if it is not.
func (c *Cell) Save(ctx context.Context, value []byte, revision int64) (int64, error) {
	answer, err := c.client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(c.key), "=", revision)).
		Then(clientv3.OpPut(c.key, string(value))).Commit()
	if err == nil && !answer.Succeeded {
		err = ErrCellChanged
	}
	if err != nil {
		return 0, fmt.Errorf("write %s of etcd: %w", c.key, err)
	}
	return answer.Header.Revision, nil
}

// Written is a number that grows with every write but those of the Cell itself and
// of its quiet prefixes; with some of those too.
func (c *Cell) Written(ctx context.Context) (int64, error) {
	answer, err := c.client.Get(ctx, c.key)
	if err != nil {
		return 0, fmt.Errorf("read the revision of etcd: %w", err)
	}
	written := answer.Header.Revision
	for _, kv := range answer.Kvs {
		written -= kv.Version
	}
	for _, prefix := range c.quiet {
		quiet, err := c.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithRev(answer.Header.Revision))
		if err != nil {
			return 0, fmt.Errorf("read %s of etcd: %w", prefix, err)
		}
		for _, kv := range quiet.Kvs {
			written -= kv.Version - 1 // one that is new counts
		}
	}
	return written, nil
}

// Position returns the term and the index up to which the log of the store is
// committed, of the servers that have come furthest. It is zero for a store that has
// no such log, or does not tell. To be called after a Load: a server that lags behind
// answers too.
func (c *Cell) Position(ctx context.Context) (term, index uint64, err error) {
	type answer struct {
		*clientv3.StatusResponse
		err error
	}
	answers := make(chan answer, len(c.source.Endpoints))
	limited, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	for _, endpoint := range c.source.Endpoints {
		go func() {
			told, err := c.client.Status(limited, endpoint)
			if err != nil {
				err = fmt.Errorf("%s: %w", endpoint, err)
			}
			answers <- answer{told, err}
		}()
	}
	var errs []error
	for range c.source.Endpoints {
		one := <-answers
		switch {
		case one.err != nil && tellsNothing(one.err):
		case one.err != nil:
			errs = append(errs, one.err)
		default:
			term, index = max(term, one.RaftTerm), max(index, one.RaftIndex)
		}
	}
	if len(errs) == len(c.source.Endpoints) {
		return 0, 0, fmt.Errorf("ask etcd how far it is: %w", errors.Join(errs...))
	}
	return term, index, nil
}

// tellsNothing says that a server answers nobody, or not us.
func tellsNothing(err error) bool {
	var refused rpctypes.EtcdError
	return errors.As(err, &refused) && (refused.Code() == codes.PermissionDenied || refused.Code() == codes.Unimplemented) ||
		status.Code(err) == codes.Unimplemented
}
