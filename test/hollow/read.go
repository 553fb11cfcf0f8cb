package hollow

import (
	"cmp"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// selection is which objects of a kind are asked for.
type selection struct {
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func selectionOf(query url.Values, namespace string) (selection, error) {
	s := selection{namespace: namespace}
	var err error
	if s.labels, err = labels.Parse(query.Get("labelSelector")); err != nil {
		return s, apierrors.NewBadRequest(err.Error())
	}
	if s.fields, err = fields.ParseSelector(query.Get("fieldSelector")); err != nil {
		return s, apierrors.NewBadRequest(err.Error())
	}
	return s, nil
}

func (s *selection) matches(o *object) bool {
	return o != nil && (s.namespace == "" || s.namespace == o.key.Namespace) &&
		(s.labels.Empty() || s.labels.Matches(labels.Set(o.content.meta.Labels))) &&
		(s.fields.Empty() || s.fields.Matches(fields.Set{"metadata.name": o.key.Name, "metadata.namespace": o.key.Namespace}))
}

func compareKeys(a, b types.NamespacedName) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// selected returns the objects in order, and the version that they are of.
func (m *Member) selected(k *kind, s selection) ([]*object, uint64) {
	m.mu.Lock()
	objects, version := slices.Collect(maps.Values(m.tables[k].objects)), m.version
	m.mu.Unlock()
	objects = slices.DeleteFunc(objects, func(o *object) bool { return !s.matches(o) })
	slices.SortFunc(objects, func(a, b *object) int { return compareKeys(a.key, b.key) })
	return objects, version
}

func (m *Member) list(w http.ResponseWriter, r *http.Request, about target, as form) {
	query := r.URL.Query()
	chosen, err := selectionOf(query, about.key.Namespace)
	if err != nil {
		writeError(w, err)
		return
	}
	objects, version := m.selected(about.kind, chosen)
	// A page goes on behind the last one. What has changed since is as it is now, and
	// comes again as events after the version of the first page.
	if token := query.Get("continue"); token != "" {
		from, after, err := parseToken(token)
		if err != nil {
			writeError(w, err)
			return
		}
		version = from
		at, found := slices.BinarySearchFunc(objects, after, func(o *object, key types.NamespacedName) int { return compareKeys(o.key, key) })
		if found {
			at++
		}
		objects = objects[at:]
	}
	next := ""
	// As from a watch cache, "0" has everything.
	if limit, err := strconv.Atoi(query.Get("limit")); err == nil && limit > 0 && len(objects) > limit && query.Get("resourceVersion") != "0" {
		objects = objects[:limit]
		next = tokenOf(version, objects[limit-1].key)
	}
	body, err := appendList(nil, about.kind, objects, version, next, as)
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", as.contentType())
	_, _ = w.Write(body)
}

func tokenOf(version uint64, last types.NamespacedName) string {
	return base64.RawURLEncoding.EncodeToString([]byte(formatVersion(version) + "/" + last.String()))
}

func parseToken(token string) (version uint64, last types.NamespacedName, err error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.SplitN(string(text), "/", 3)
	if err == nil && len(parts) == 3 {
		version, err = strconv.ParseUint(parts[0], 10, 64)
		last = types.NamespacedName{Namespace: parts[1], Name: parts[2]}
	}
	if err != nil || len(parts) != 3 {
		return 0, last, apierrors.NewBadRequest("continue key is not valid")
	}
	return version, last, nil
}

// bookmarkPeriod is how often a watch says how far it has come.
const bookmarkPeriod = time.Minute

// watch answers with events until the client goes, its time is over or it has
// fallen too far behind.
func (m *Member) watch(w http.ResponseWriter, r *http.Request, about target) {
	query := r.URL.Query()
	as, ok := formOf(r)
	chosen, err := selectionOf(query, about.key.Namespace)
	from := uint64(0)
	if text := query.Get("resourceVersion"); err == nil && text != "" {
		from, err = strconv.ParseUint(text, 10, 64)
	}
	if err != nil || !ok {
		writeError(w, apierrors.NewBadRequest("the watch cannot be answered as asked for"))
		return
	}
	out := &stream{w: w, flush: http.NewResponseController(w), kind: about.kind, chosen: chosen, as: as}
	sendsInitial := query.Get("sendInitialEvents") == "true"
	if from == 0 || sendsInitial {
		var objects []*object
		objects, from = m.selected(about.kind, chosen)
		for _, o := range objects {
			out.event("ADDED", o)
		}
		if sendsInitial {
			out.bookmark(from, true)
		}
	} else if m.expired(about.kind, from) {
		writeError(w, apierrors.NewResourceExpired("too old resource version"))
		return
	}
	w.Header().Set("Content-Type", as.contentType()+";stream=watch")
	if as != metadataProtobuf {
		w.Header().Set("Content-Type", jsonType)
	}
	w.WriteHeader(http.StatusOK)
	m.follow(r, out, from)
}

// follow writes events after a version.
func (m *Member) follow(r *http.Request, out *stream, from uint64) {
	limit := 30 * time.Minute
	if seconds, err := strconv.Atoi(r.URL.Query().Get("timeoutSeconds")); err == nil && seconds > 0 {
		limit = time.Duration(seconds) * time.Second
	}
	end := time.NewTimer(limit)
	defer end.Stop()
	bookmarks := time.NewTicker(bookmarkPeriod)
	defer bookmarks.Stop()
	for {
		events, changed, known := m.since(out.kind, from)
		if !known {
			return // the client lists anew when it comes again with its version
		}
		for _, e := range events {
			out.change(e)
			from = e.after.version
		}
		if !out.send() {
			return
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-bookmarks.C:
			if r.URL.Query().Get("allowWatchBookmarks") == "true" {
				from = m.reached(out.kind, from)
				out.bookmark(from, false)
			}
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		case <-m.ctx.Done():
			return
		}
	}
}

func (m *Member) expired(k *kind, version uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return version < m.tables[k].forgotten
}

// since returns some events after a version, and what is closed at the next one if
// there are none. known is false when they are forgotten.
func (m *Member) since(k *kind, version uint64) (events []event, changed <-chan struct{}, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tables[k]
	if version < t.forgotten {
		return nil, nil, false
	}
	at, found := slices.BinarySearchFunc(t.events, version, func(e event, version uint64) int { return cmp.Compare(e.after.version, version) })
	if found {
		at++
	}
	if at < len(t.events) {
		return slices.Clone(t.events[at:min(len(t.events), at+256)]), nil, true
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return nil, t.changed, true
}

// reached returns the version up to which a watch that has all events up to one is
// complete.
func (m *Member) reached(k *kind, version uint64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.tables[k].events
	if len(events) > 0 && events[len(events)-1].after.version > version {
		return version
	}
	return max(version, m.version)
}

// stream encodes the events of a watch.
type stream struct {
	w      http.ResponseWriter
	flush  *http.ResponseController
	kind   *kind
	chosen selection
	as     form
	buffer []byte
	err    error
}

// change encodes an event as it is for what was chosen.
func (s *stream) change(e event) {
	was, is := s.chosen.matches(e.before), !e.gone && s.chosen.matches(e.after)
	switch {
	case was && is:
		s.event("MODIFIED", e.after)
	case is:
		s.event("ADDED", e.after)
	case was:
		s.event("DELETED", e.after)
	}
}

func (s *stream) event(kind string, o *object) {
	if s.err != nil {
		return
	}
	encoded, err := o.appendObject(nil, s.as)
	if err == nil {
		s.buffer, err = appendEvent(s.buffer, kind, encoded, s.as)
	}
	s.err = err
}

func (s *stream) bookmark(version uint64, initialEnd bool) {
	if s.err == nil {
		s.buffer, s.err = appendBookmark(s.buffer, s.kind, version, initialEnd, s.as)
	}
}

// send sends what has been encoded; false means that the client is gone.
func (s *stream) send() bool {
	if s.err != nil {
		return false
	}
	if len(s.buffer) > 0 {
		if _, err := s.w.Write(s.buffer); err != nil {
			return false
		}
	}
	s.buffer = s.buffer[:0]
	return s.flush.Flush() == nil
}
