package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
)

const (
	// spacePeriod is how often it is looked whether etcd refuses writes.
	spacePeriod = 2 * time.Second
	// roomPercent of the quota may be in use when etcd is let write again.
	roomPercent = 95
)

var spaceExceeded = metrics.NewGauge(&metrics.GaugeOpts{
	Name:           "federation_etcd_space_exceeded",
	Help:           "Whether the embedded etcd refuses writes because its database has reached its quota.",
	StabilityLevel: metrics.ALPHA,
})

func init() { legacyregistry.MustRegister(spaceExceeded) }

// KeepSpace has etcd write again when its database has reached the quota and what
// is in it does not need that much: old revisions are dropped and what they took is
// given back. It returns when ctx ends.
func (s *Server) KeepSpace(ctx context.Context) {
	logger := klog.LoggerWithName(klog.FromContext(ctx), "etcd")
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{s.endpoint}, Logger: zap.NewNop(), Context: ctx})
	if err != nil {
		logger.Error(err, "Could not reach the embedded etcd, whose space nobody looks after")
		return
	}
	defer func() {
		if err := client.Close(); err != nil && ctx.Err() == nil {
			logger.Error(err, "Could not close the connection to the embedded etcd")
		}
	}()
	said := false
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		full, err := s.full(ctx, client)
		if err != nil {
			if ctx.Err() == nil {
				logger.Error(err, "Could not ask the embedded etcd whether it is full")
			}
			return
		}
		if !full {
			spaceExceeded.Set(0)
			said = false
			return
		}
		spaceExceeded.Set(1)
		size, err := s.reclaim(ctx, client)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			logger.Error(err, "Could not make room in the embedded etcd, which is full and refuses writes")
		case size*100 < s.quota()*roomPercent:
			spaceExceeded.Set(0)
			logger.Info("The embedded etcd was full; old revisions have been dropped, and it takes writes again", "bytes", size, "quotaBytes", s.quota())
		case !said:
			said = true
			logger.Error(nil, "The embedded etcd is full and refuses writes: restart with a larger --embedded-etcd-quota-bytes", "bytes", size, "quotaBytes", s.quota())
		}
	}, spacePeriod)
}

func (s *Server) quota() int64 { return s.embedded.Config().QuotaBackendBytes }

func (s *Server) full(ctx context.Context, client *clientv3.Client) (bool, error) {
	alarms, err := client.AlarmList(ctx)
	if err != nil {
		return false, fmt.Errorf("list alarms: %w", err)
	}
	for _, alarm := range alarms.Alarms {
		if alarm.Alarm == etcdserverpb.AlarmType_NOSPACE {
			return true, nil
		}
	}
	return false, nil
}

// reclaim drops old revisions, gives free pages back, and ends the alarm if there is
// room then. It returns the size of the database.
func (s *Server) reclaim(ctx context.Context, client *clientv3.Client) (int64, error) {
	now, err := client.Get(ctx, "/", clientv3.WithCountOnly())
	if err != nil {
		return 0, fmt.Errorf("read the revision: %w", err)
	}
	if _, err := client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical()); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		return 0, fmt.Errorf("drop old revisions: %w", err)
	}
	if _, err := client.Defragment(ctx, s.endpoint); err != nil {
		return 0, fmt.Errorf("give free pages back: %w", err)
	}
	status, err := client.Status(ctx, s.endpoint)
	if err != nil {
		return 0, fmt.Errorf("read the size: %w", err)
	}
	if status.DbSize*100 >= s.quota()*roomPercent {
		return status.DbSize, nil
	}
	if _, err := client.AlarmDisarm(ctx, &clientv3.AlarmMember{}); err != nil {
		return 0, fmt.Errorf("end the alarm: %w", err)
	}
	return status.DbSize, nil
}
