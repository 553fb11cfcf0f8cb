package etcd

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"k8s.io/component-base/metrics/legacyregistry"
)

// exposed are the metrics of etcd that say whether it has room and is fast enough. It has hundreds, most of them about
// peers, of which an embedded one has none.
var exposed = map[string]bool{
	"etcd_mvcc_db_total_size_in_bytes":          true,
	"etcd_mvcc_db_total_size_in_use_in_bytes":   true,
	"etcd_server_quota_backend_bytes":           true,
	"etcd_disk_wal_fsync_duration_seconds":      true,
	"etcd_disk_backend_commit_duration_seconds": true,
}

// running is the server of this process, nil without one.
var running atomic.Pointer[Server]

var registerMetrics = sync.OnceFunc(func() { legacyregistry.RawMustRegister(collector{}) })

var alarmDesc = prometheus.NewDesc("federation_etcd_alarm",
	"1 for an alarm that the embedded etcd has raised, 0 for one that it has not: NOSPACE (no writes any more) or CORRUPT.", []string{"alarm"}, nil)

// collector hands on metrics of the embedded etcd, which registers them where a server of Kubernetes does not look.
type collector struct{}

// Describe implements prometheus.Collector. What is handed on describes itself.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (collector) Collect(collected chan<- prometheus.Metric) {
	server := running.Load()
	if server == nil {
		return
	}
	raised := map[etcdserverpb.AlarmType]float64{etcdserverpb.AlarmType_NOSPACE: 0, etcdserverpb.AlarmType_CORRUPT: 0}
	for _, alarm := range server.embedded.Server.Alarms() {
		raised[alarm.Alarm] = 1
	}
	for alarm, value := range raised {
		collected <- prometheus.MustNewConstMetric(alarmDesc, prometheus.GaugeValue, value, alarm.String())
	}
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		collected <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		return
	}
	for _, family := range families {
		if !exposed[family.GetName()] {
			continue
		}
		desc := prometheus.NewDesc(family.GetName(), family.GetHelp(), nil, nil)
		for _, m := range family.GetMetric() {
			collected <- gathered{desc, m}
		}
	}
}

// gathered is a metric without labels that another registry has.
type gathered struct {
	desc *prometheus.Desc
	read *dto.Metric
}

// Desc implements prometheus.Metric.
func (g gathered) Desc() *prometheus.Desc { return g.desc }

// Write implements prometheus.Metric.
func (g gathered) Write(to *dto.Metric) error {
	to.Gauge, to.Counter, to.Histogram = g.read.Gauge, g.read.Counter, g.read.Histogram
	return nil
}
