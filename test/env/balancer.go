package env

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubefederation/federation-apiserver/test/env/relay"
)

// probePeriod is how often a replica is asked whether it is ready.
const probePeriod = 100 * time.Millisecond

// balancer leads new connections to the replicas that are ready, in turn, as a Service of pods with readiness probes
// does. Open connections stay where they are.
type balancer struct {
	relay  *relay.Relay
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex
	ready map[string]bool
	order []string
	next  int
}

func newBalancer(port int, targets []int) (*balancer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	b := &balancer{cancel: cancel, ready: map[string]bool{}}
	for _, target := range targets {
		b.order = append(b.order, net.JoinHostPort("127.0.0.1", strconv.Itoa(target)))
	}
	var err error
	b.relay, err = relay.Balance(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), b.choose)
	if err != nil {
		cancel()
		return nil, err
	}
	for _, target := range b.order {
		b.done.Go(func() { b.probe(ctx, target) })
	}
	return b, nil
}

// Close ends the balancer and every connection through it.
func (b *balancer) Close() error {
	b.cancel()
	b.done.Wait()
	return b.relay.Close()
}

var errNoReplicaReady = errors.New("no replica is ready")

func (b *balancer) choose() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.order {
		target := b.order[b.next%len(b.order)]
		b.next++
		if b.ready[target] {
			return target, nil
		}
	}
	return "", errNoReplicaReady
}

// probe asks as a kubelet does: a connection each time, whatever the certificate.
func (b *balancer) probe(ctx context.Context, target string) {
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec // as a kubelet
	}}
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		ready := false
		if request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+target+"/readyz", nil); err == nil {
			if response, err := client.Do(request); err == nil {
				ready = response.StatusCode == http.StatusOK
				response.Body.Close()
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ready[target] = ready
	}, probePeriod)
}
