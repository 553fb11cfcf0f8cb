package cluster

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// factsPeriod is how often the version of a member and the places of its nodes
// are read, beyond when it becomes ready.
const factsPeriod = 5 * time.Minute

// reasonUnseen is that of the condition Ready of a KubeFedCluster that was never probed, as it is made.
const reasonUnseen = "Progressing"

// writeTimeout bounds a write of the status.
const writeTimeout = 10 * time.Second

// prober looks at one member, again and again.
type prober struct {
	controller *Controller
	name       string
	uid        types.UID
	cancel     context.CancelFunc
	done       chan struct{}
	woken      chan struct{}
	// built belongs to the controller's worker.
	built origin

	mu        sync.Mutex
	restarted bool

	// The following belong to run.
	state     health.State
	status    corev1beta1.KubeFedClusterStatus
	factsRead time.Time
	renewal   renewal
	// finding is what was found about the owner of the member, and what to say of it.
	finding      identity.Finding
	ownerMessage string
}

func newProber(c *Controller, cluster *corev1beta1.KubeFedCluster, id origin) *prober {
	status := *cluster.Status.DeepCopy()
	state := health.State{Conditions: ofHealth(status.Conditions), Seen: members.SeenIn(&status)}
	if reason, _ := readyReason(status.Conditions); reason == reasonUnseen {
		state = state.Restart()
	}
	p := &prober{
		controller: c, name: cluster.Name, uid: cluster.UID, built: id,
		done: make(chan struct{}), woken: make(chan struct{}, 1),
		state: state, status: status,
	}
	p.finding, p.ownerMessage = foundIn(status.Conditions)
	return p
}

// wake makes the prober probe now.
func (p *prober) wake() {
	select {
	case p.woken <- struct{}{}:
	default: // it is awake already
	}
}

// restart makes the prober probe now and believe the result at once: the
// configuration of the member changed.
func (p *prober) restart() {
	p.mu.Lock()
	p.restarted = true
	p.mu.Unlock()
	p.wake()
}

func (p *prober) run(ctx context.Context) {
	for {
		s := probingOf(p.controller.Settings.Get().ClusterHealthCheck())
		began := time.Now()
		p.probe(ctx, s)
		timer := time.NewTimer(max(s.period-time.Since(began), 0))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.woken:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// probe looks once, and lets the set of members, the status and the events know.
func (p *prober) probe(ctx context.Context, s probing) {
	member, ok := p.controller.Members.Get(p.name)
	if !ok {
		return
	}
	p.mu.Lock()
	if p.restarted {
		p.restarted = false
		p.state = p.state.Restart()
		p.factsRead = time.Time{}
		p.renewal = renewal{}
	}
	p.mu.Unlock()

	began := time.Now()
	found := look(ctx, member, s.timeout)
	if ctx.Err() != nil {
		return // ended: what was found is that
	}
	healthStatusSeconds.Observe(time.Since(began).Seconds())
	recordProbe(p.name, found.Result, time.Now())
	before, was := readyReason(p.state.Conditions)
	wasReady := p.state.Ready()
	p.state = health.Next(p.state, found, s.thresholds, metav1.Now())
	after, message := readyReason(p.state.Conditions)

	recordState(p.name, p.state.Conditions)
	p.status.LastSeenTime = lastSeen(p.state)
	if !p.state.Seen.IsZero() {
		p.controller.Members.SetSeen(p.name, p.state.Seen.Rfc3339Copy().Time)
	}
	if found.Result == health.Healthy {
		p.lookAtOwner(ctx, member, s)
	}
	p.controller.Members.SetReady(p.name, p.state.Ready(), errors.New(message))
	if found.Result == health.Healthy && p.state.Ready() && (!wasReady || time.Since(p.factsRead) >= factsPeriod) {
		p.readFacts(ctx, member, s.timeout)
	}
	p.status.Conditions = slices.Concat(p.state.Conditions, p.lookAtCredentials(ctx, member, found, s.timeout), p.ownerConditions())
	p.publish(ctx)
	if before != after {
		klog.FromContext(ctx).Info("Member cluster changed", "cluster", p.name, "reason", after, "message", message, "before", was)
		p.tell(after, message)
	}
}

// look probes a member.
func look(ctx context.Context, member *members.Member, timeout time.Duration) health.Probe {
	if err := member.ConfigurationError(); err != nil {
		return health.Probe{Result: health.Malformed, Detail: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	healthy, answer, err := member.Probe(ctx)
	var timedOut *members.TimeoutError
	switch {
	case errors.As(err, &timedOut):
		return health.Probe{Result: health.Unreachable, Detail: "it did not answer within " + timeout.String()}
	case err != nil:
		return health.Probe{Result: health.Unreachable, Detail: err.Error()}
	case !healthy:
		return health.Probe{Result: health.Unhealthy, Detail: answer}
	}
	return health.Probe{Result: health.Healthy}
}

// readFacts reads the version of a member and where its nodes are. What cannot be
// read stays as it was, and is read with the next probe.
func (p *prober) readFacts(ctx context.Context, member *members.Member, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	logger := klog.FromContext(ctx)
	version, err := member.Version(ctx)
	if err != nil {
		logger.V(2).Info("Could not read the version of a member", "cluster", p.name, "err", err)
		return
	}
	p.status.KubernetesVersion = version
	region, zones, err := member.Topology(ctx)
	switch {
	case apierrors.IsForbidden(err):
		// The token may be limited to what propagation needs: no reason to ask again soon.
		logger.V(2).Info("The token of a member does not allow to list its nodes", "cluster", p.name)
	case err != nil:
		logger.V(2).Info("Could not read the nodes of a member", "cluster", p.name, "err", err)
		return
	default:
		p.status.Region, p.status.Zones = nil, zones
		if region != "" {
			p.status.Region = &region
		}
	}
	p.factsRead = time.Now()
}

// eventReasons are KubeFed's names of what happened; other reasons are their own.
var eventReasons = map[string]string{
	corev1beta1.ReasonClusterNotReachable:    "RetrievingClusterHealthFailed",
	corev1beta1.ReasonClusterConfigMalformed: "MalformedClusterConfig",
}

// tell records an event of a change.
func (p *prober) tell(reason, message string) {
	cluster, err := p.controller.clusters.Get(p.name)
	if err != nil || cluster.UID != p.uid {
		return
	}
	kind := corev1.EventTypeWarning
	if reason == corev1beta1.ReasonClusterReady {
		kind = corev1.EventTypeNormal
	}
	if named, ok := eventReasons[reason]; ok {
		reason = named
	}
	const longest = 1024 // of a note, as the API has it
	note := []rune(message)
	note = note[:min(len(note), longest/4)]
	p.controller.recorder.Eventf(cluster, nil, kind, reason, "Probe", "%s", string(slices.Clip(note)))
}
