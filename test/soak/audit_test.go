package soak

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// federationUsers begins the names of the federation's own accounts in members.
const federationUsers = "system:serviceaccount:" + env.SystemNamespace + ":"

// auditLog reads what a member's kube-apiserver adds to its audit log.
type auditLog struct {
	member string
	path   string
	offset int64
	// last are the last writes of the federation.
	last []*auditv1.Event
}

// read returns the writes of the federation that were carried out since the last read.
func (l *auditLog) read() ([]*auditv1.Event, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("audit log of %s: %w", l.member, err)
	}
	defer file.Close()
	if _, err := file.Seek(l.offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("audit log of %s: %w", l.member, err)
	}
	var found []*auditv1.Event
	lines := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return found, nil // what has no end yet is read the next time
		}
		if err != nil {
			return nil, fmt.Errorf("audit log of %s: %w", l.member, err)
		}
		l.offset += int64(len(line))
		if !bytes.Contains(line, []byte(federationUsers)) {
			continue
		}
		event := &auditv1.Event{}
		if err := json.Unmarshal(line, event); err != nil {
			// A killed kube-apiserver leaves half a line, to which the next one adds its first.
			if i := bytes.LastIndex(line, []byte(`{"kind":"Event"`)); i > 0 && json.Unmarshal(line[i:], event) == nil {
				err = nil
			}
			if err != nil {
				continue
			}
		}
		if !isWrite(event) {
			continue
		}
		found = append(found, event)
		l.last = append(l.last, event)
		if len(l.last) > 200 {
			l.last = l.last[1:]
		}
	}
}

// isWrite says that the federation changed something in the member, by what the member answered. A panic or the end of
// the kube-apiserver may have kept it from that: then it says nothing.
func isWrite(event *auditv1.Event) bool {
	return strings.HasPrefix(event.User.Username, federationUsers) && event.Stage == auditv1.StageResponseComplete &&
		slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, event.Verb) &&
		event.ResponseStatus != nil && event.ResponseStatus.Code < 300
}

// describe is an event in a line.
func describe(event *auditv1.Event) string {
	return fmt.Sprintf("%s %s %s -> %d, audit ID %s", event.RequestReceivedTimestamp.Format(time.RFC3339Nano), event.Verb, event.RequestURI,
		event.ResponseStatus.Code, event.AuditID)
}

// isOwn says that a write is to what the federation keeps for itself in a member: its token, and the Lease that says whose
// the member is.
func isOwn(ref *auditv1.ObjectReference) bool {
	return ref.Resource == "serviceaccounts" && ref.Subresource == "token" ||
		ref.Resource == "leases" && ref.Namespace == env.SystemNamespace && (ref.Name == "" || ref.Name == "federation-owner")
}

// unexplained says what of the federation's writes has no cause in the history. m.mu is held.
func (m *model) unexplained(member string, event *auditv1.Event) error {
	ref := event.ObjectRef
	if ref == nil {
		return fmt.Errorf("a write of the federation to nothing: %s", describe(event))
	}
	if isOwn(ref) {
		return nil
	}
	k := key{ref.Resource, ref.Namespace, ref.Name}
	if ref.Resource == namespaces {
		k.Namespace = ref.Name
	}
	if m.objects[k] == nil {
		return fmt.Errorf("the federation wrote what nobody ever asked for: %s", describe(event))
	}
	at := event.RequestReceivedTimestamp.Time
	switch event.Verb {
	case "delete":
		if m.mayRemove(member, k, at) {
			return nil
		}
	case "patch":
		// A server-side apply is forced; what takes the label off is not.
		if isApply := strings.Contains(event.RequestURI, "force=true"); isApply && m.mayWrite(member, k, at) || !isApply && m.mayRelease(member, k) {
			return nil
		}
	}
	return fmt.Errorf("a write of the federation without a cause in the history: %s", describe(event))
}

// checkWrites says which writes of the federation in this round have no cause.
func (s *soak) checkWrites(budgeted bool) error {
	var failed []error
	spent := spent{}
	for _, l := range s.audits {
		events, err := l.read()
		if err != nil {
			return err
		}
		s.writes += len(events)
		s.model.mu.Lock()
		for _, event := range events {
			if err := s.model.unexplained(l.member, event); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", l.member, err))
			} else if budgeted {
				s.model.spend(spent, l.member, event)
			}
		}
		s.model.mu.Unlock()
	}
	return errors.Join(append(failed, spent.check())...)
}
