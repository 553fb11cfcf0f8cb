package identity

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Record is what the store knows of its hub.
type Record struct {
	// HubID is random, and stays the same as long as the federation exists.
	HubID string `json:"hubID"`
	// Sequence grows, and never gets smaller.
	Sequence int64 `json:"sequence"`
	// Session is that of the leading replica that has written the record.
	Session string `json:"session,omitempty"`
	// Position of the store when the record was written.
	Position Position `json:"position,omitzero"`
	// Recovery is set while an operator has to confirm that the store is the right one.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Confirmed is the last confirmation.
	Confirmed *Confirmation `json:"confirmed,omitempty"`
}

// Position is how far a store has come. It begins anew when a store is restored,
// whatever the revisions of its objects; zero where that cannot be told.
type Position struct {
	// Term and Index are those of the Raft log (Ongaro and Ousterhout, In Search of an
	// Understandable Consensus Algorithm, section 5.1).
	Term  uint64 `json:"term"`
	Index uint64 `json:"index"`
}

// Before says whether a position is certainly an earlier one than other: in one log
// neither the term nor the index that is committed ever gets smaller.
func (p Position) Before(other Position) bool {
	if p == (Position{}) || other == (Position{}) {
		return false
	}
	return p.Term < other.Term || p.Index < other.Index
}

// Reason of a recovery.
type Reason string

// Reasons of a recovery.
const (
	// StoreEmpty means that the store knows of no hub, and the host does.
	StoreEmpty Reason = "StoreEmpty"
	// StoreOlder means that the host or a member has seen a later state of the store.
	StoreOlder Reason = "StoreOlder"
	// StoreRestored means that the store was made from a backup.
	StoreRestored Reason = "StoreRestored"
	// StoreOfAnotherHub means that the host knows another hub than the store.
	StoreOfAnotherHub Reason = "StoreOfAnotherHub"
)

// Recovery says why nothing is written to members.
type Recovery struct {
	Reason  Reason `json:"reason"`
	Message string `json:"message"`
	// Since is when it began.
	Since metav1.Time `json:"since"`
	// Stored is the sequence that the store had.
	Stored int64 `json:"stored"`
	// Seen is the highest sequence that the host or a member had.
	Seen int64 `json:"seen"`
}

// Confirmation is what an operator has confirmed.
type Confirmation struct {
	Reason Reason      `json:"reason"`
	At     metav1.Time `json:"at"`
	// Hash of the report that was shown.
	Hash string `json:"hash,omitempty"`
}

func decode(data []byte) (*Record, error) {
	if data == nil {
		return nil, nil
	}
	record := &Record{}
	if err := json.Unmarshal(data, record); err != nil {
		return nil, fmt.Errorf("the identity in the store is not readable: %w", err)
	}
	return record, nil
}

func (r *Record) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the identity for the store: %w", err)
	}
	return data, nil
}
