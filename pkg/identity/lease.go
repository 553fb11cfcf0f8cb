package identity

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Leases in the system namespaces. They have different names, because a host can
// be a member of its own federation.
const (
	// HostLease in the host is the identity of the hub.
	HostLease = "federation-hub"
	// MemberLease in a member names the hub that writes there.
	MemberLease = "federation-owner"
)

// Annotations of the Leases.
const (
	// SequenceAnnotation is the sequence of the hub.
	SequenceAnnotation = "federation.kubefed.io/hub-sequence"
	// SessionAnnotation says which leading replica has written the sequence.
	SessionAnnotation = "federation.kubefed.io/hub-session"
	// RecoveryAnnotation is a Status, in the host while there is a recovery.
	RecoveryAnnotation = "federation.kubefed.io/recovery"
	// ConfirmAnnotation, in the host, confirms the recovery whose report has this hash.
	ConfirmAnnotation = "federation.kubefed.io/confirm-recovery"
	// TakenOverAnnotation, in a member, says that the Lease was given to another hub,
	// which lets the time pass for which the former one may still write.
	TakenOverAnnotation = "federation.kubefed.io/taken-over"
)

// Mark is what a Lease says of a hub.
type Mark struct {
	HubID    string
	Sequence int64
	// Session is that of the replica that has written the sequence.
	Session string
	// Renewed is when it was last written, zero if that is not known.
	Renewed time.Time
}

// MarkOf reads a Lease, nil if it names no hub.
func MarkOf(lease *coordinationv1.Lease) *Mark {
	if lease == nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return nil
	}
	m := &Mark{HubID: *lease.Spec.HolderIdentity, Session: lease.Annotations[SessionAnnotation]}
	// A sequence that somebody made unreadable is none that has been seen.
	m.Sequence, _ = strconv.ParseInt(lease.Annotations[SequenceAnnotation], 10, 64)
	if lease.Spec.RenewTime != nil {
		m.Renewed = lease.Spec.RenewTime.Time
	}
	return m
}

// put writes a hub into a Lease; session may be empty.
func put(lease *coordinationv1.Lease, hubID string, sequence int64, session string, now time.Time) {
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	lease.Annotations[SequenceAnnotation] = strconv.FormatInt(sequence, 10)
	delete(lease.Annotations, SessionAnnotation)
	if session != "" {
		lease.Annotations[SessionAnnotation] = session
	}
	renewed := metav1.NewMicroTime(now)
	if before := MarkOf(lease); before == nil || before.HubID != hubID {
		lease.Spec.AcquireTime = &renewed
	}
	lease.Spec.HolderIdentity, lease.Spec.RenewTime = &hubID, &renewed
}

// TakeOver gives a member's Lease to another hub.
func TakeOver(lease *coordinationv1.Lease, hubID string, now time.Time) {
	put(lease, hubID, 0, "", now)
	lease.Annotations[TakenOverAnnotation] = "true"
}

// Status is what is told in the host of a recovery.
type Status struct {
	Recovery `json:",inline"`
	// Report of what a confirmation would do, nil before the first one is made.
	Report *Report `json:"report,omitempty"`
	// Refused says why a confirmation was not taken.
	Refused string `json:"refused,omitempty"`
	// refused is the hash that was confirmed in vain.
	refused string
}

// StatusOf returns what the Lease in the host tells of a recovery, nil if there is none.
func StatusOf(lease *coordinationv1.Lease) (*Status, error) {
	raw, ok := lease.Annotations[RecoveryAnnotation]
	if !ok {
		return nil, nil
	}
	status := &Status{}
	if err := json.Unmarshal([]byte(raw), status); err != nil {
		return nil, fmt.Errorf("annotation %s of the Lease %s: %w", RecoveryAnnotation, HostLease, err)
	}
	return status, nil
}

// tell writes a status into the Lease, or takes it away if it is nil, and says
// whether that changed anything.
func tell(lease *coordinationv1.Lease, status *Status) (changed bool, err error) {
	before := maps.Clone(lease.Annotations)
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	delete(lease.Annotations, RecoveryAnnotation)
	if status != nil {
		data, err := json.Marshal(status)
		if err != nil {
			return false, fmt.Errorf("encode the state of the recovery: %w", err)
		}
		lease.Annotations[RecoveryAnnotation] = string(data)
	}
	return !maps.Equal(before, lease.Annotations), nil
}
