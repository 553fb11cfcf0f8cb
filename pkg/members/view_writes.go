package members

import "k8s.io/apimachinery/pkg/types"

// write is the result of one of our writes.
type write struct {
	number uint64
	// version of the write; 0 when it is not known.
	version uint64
	// gone says that the write took the object out of the view.
	gone bool
	// deleted is the UID of the object that was deleted: its older events may
	// still come, and it can never be there again. after is the last resource
	// version that it was known at.
	deleted  types.UID
	after    uint64
	observed Observed
}

// wrote merges the result of a write that left the object as o.
func (v *view) wrote(key types.NamespacedName, o Observed) {
	version, _ := versionOf(o.ResourceVersion)
	v.mu.Lock()
	defer v.mu.Unlock()
	// The answer to a request may be without the status: that is as it was.
	if before, ok := v.visible(key); ok && o.Status == nil && before.UID == o.UID {
		o.Status = before.Status
	}
	v.merge(key, write{version: version, observed: o, gone: o.Managed == ""})
}

// deleted merges a deletion of the object with that UID.
func (v *view) deleted(key types.NamespacedName, uid types.UID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	o, known := v.visible(key)
	// What was not seen needs no mark against its late events, and what is there
	// now under another UID is not what was deleted.
	if known && o.UID == uid {
		after, _ := versionOf(o.ResourceVersion)
		v.merge(key, write{gone: true, deleted: uid, after: after})
	}
}

// merge takes over the result of a write. v.mu is held.
func (v *view) merge(key types.NamespacedName, w write) {
	v.writes++
	w.number = v.writes
	if w.version != 0 {
		if w.version <= v.progress {
			return // the watch has been here, and knows more
		}
		if before, ok := v.own[key]; ok && before.version > w.version {
			return // two writes whose answers overtook one another
		}
	}
	v.own[key] = w
}

// supersededBy says whether an event of the same key is newer than the write.
func (w write) supersededBy(uid types.UID, version uint64, comparable, present bool) bool {
	switch {
	case w.deleted != "" && present:
		return uid != w.deleted && (!comparable || version > w.after)
	case w.deleted != "":
		return uid == w.deleted
	case w.version == 0 || !comparable:
		return true
	}
	return version >= w.version
}

// listedBy says whether a list as of version is newer than the write; uid is that
// of the object in the list, if it is listed.
func (w write) listedBy(uid types.UID, listed bool, version uint64, comparable bool) bool {
	switch {
	case w.deleted != "":
		return !listed || uid != w.deleted
	case w.version == 0 || !comparable:
		return true
	}
	return version >= w.version
}
