package federatedtypes

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// clustersReader reads status.clusters. Most of what is held of an object that is in
// many members is here, in every version that the watch cache remembers: all
// entries of an object come out of a few allocations of just the right size, and
// words that are the same in many objects are there once.
type clustersReader struct {
	entries []typesv1beta1.ClusterStatus
	// replicas of those entries that have them; entries point into it.
	replicas []typesv1beta1.ReplicaCounts
	// texts is what is left of the strings that differ from entry to entry, all in one.
	texts string
}

// The fields of a ClusterStatus that are read here.
const (
	clustersField       protowire.Number = 7
	clusterNameField    protowire.Number = 1
	clusterVersionField protowire.Number = 6
	fingerprintField    protowire.Number = 7
	replicasField       protowire.Number = 8
)

// newClustersReader makes room for all entries that a stored object has.
func newClustersReader(content []byte) (*clustersReader, error) {
	entries, replicas := 0, 0
	var texts bytes.Buffer
	err := eachField(content, func(f storedField) error {
		if f.number != clustersField {
			return nil
		}
		entries++
		return f.message(func(f storedField) error {
			switch {
			case f.number == replicasField:
				replicas++
			case isOwnText(f):
				texts.Write(f.data)
			}
			return nil
		})
	})
	if err != nil || entries == 0 {
		return &clustersReader{}, err
	}
	return &clustersReader{
		entries:  make([]typesv1beta1.ClusterStatus, 0, entries),
		replicas: make([]typesv1beta1.ReplicaCounts, 0, replicas),
		texts:    texts.String(),
	}, nil
}

// isOwnText says that a field of an entry has a string that no other has.
func isOwnText(f storedField) bool {
	return f.number == fingerprintField || f.number == clusterVersionField && !bytes.HasPrefix(f.data, []byte("gen:"))
}

// read reads one entry.
func (r *clustersReader) read(f storedField) error {
	r.entries = append(r.entries, typesv1beta1.ClusterStatus{})
	entry := &r.entries[len(r.entries)-1]
	return f.message(func(f storedField) error { return r.field(f, entry) })
}

func (r *clustersReader) field(f storedField, c *typesv1beta1.ClusterStatus) error {
	switch f.number {
	case clusterNameField:
		return wordInto(f, &c.Name)
	case 2:
		return wordInto(f, &c.Status)
	case 3:
		return stringInto(f, &c.Message)
	case 4:
		return f.integer(&c.ObservedGeneration)
	case 5:
		return wordInto(f, &c.Health)
	case clusterVersionField:
		if !isOwnText(f) {
			return wordInto(f, &c.Version)
		}
		return r.textInto(f, &c.Version)
	case fingerprintField:
		return r.textInto(f, &c.Fingerprint)
	case replicasField:
		r.replicas = append(r.replicas, typesv1beta1.ReplicaCounts{})
		c.Replicas = &r.replicas[len(r.replicas)-1]
		return f.message(func(f storedField) error { return f.replicaCount(c.Replicas) })
	case restField:
		before := *c
		err := f.json(c)
		c.Name = before.Name // JSON has it empty
		return err
	}
	return nil
}

// textInto takes the next of the strings that were put together.
func (r *clustersReader) textInto(f storedField, value *string) error {
	return f.into(func(data []byte) error {
		*value, r.texts = r.texts[:len(data)], r.texts[len(data):]
		return nil
	})
}

func (f storedField) replicaCount(c *typesv1beta1.ReplicaCounts) error {
	counts := []*int64{&c.DesiredReplicas, &c.Replicas, &c.ReadyReplicas, &c.AvailableReplicas, &c.UpdatedReplicas}
	if f.number < 1 || int(f.number) > len(counts) {
		return nil
	}
	return f.integer(counts[f.number-1])
}

// replicaCounts appends counts. Zeros are left out, as they are in JSON.
func (m *message) replicaCounts(c typesv1beta1.ReplicaCounts) error {
	for i, count := range []int64{c.DesiredReplicas, c.Replicas, c.ReadyReplicas, c.AvailableReplicas, c.UpdatedReplicas} {
		m.integer(protowire.Number(i+1), count)
	}
	return nil
}
