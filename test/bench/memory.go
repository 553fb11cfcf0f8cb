package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// memory is what the processes of a name take.
type memory struct {
	// Peak of the resident memory, and Live heap after a collection of garbage, in
	// bytes; 0 where it is not known.
	Peak int64 `json:"peakBytes"`
	Live int64 `json:"liveHeapBytes,omitempty"`
}

func (b *bench) memory(ctx context.Context) (map[string]memory, error) {
	pids, err := b.processes(ctx)
	if err != nil {
		return nil, err
	}
	used := map[string]memory{}
	for name, ids := range pids {
		total := memory{}
		for _, pid := range ids {
			peak, err := peakMemory(pid)
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", name, err)
			}
			total.Peak += peak
		}
		if name == processServer {
			if total.Live, err = b.liveHeap(ctx); err != nil {
				return nil, err
			}
		}
		used[name] = total
	}
	return used, nil
}

// liveHeap is what is left of the server's heap after two collections: the first
// one leaves what only pools hold.
func (b *bench) liveHeap(ctx context.Context) (int64, error) {
	client, err := b.serverClient()
	if err != nil {
		return 0, err
	}
	for range 2 {
		if err := client.Get().AbsPath("/debug/pprof/heap").Param("gc", "1").Do(ctx).Error(); err != nil {
			return 0, fmt.Errorf("collect the server's garbage: %w", err)
		}
	}
	data, err := client.Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the server's metrics: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
	if err != nil {
		return 0, fmt.Errorf("read the server's metrics: %w", err)
	}
	for _, metric := range families["go_memstats_heap_alloc_bytes"].GetMetric() {
		return int64(metric.GetGauge().GetValue()), nil
	}
	return 0, fmt.Errorf("read the server's metrics: no go_memstats_heap_alloc_bytes")
}
