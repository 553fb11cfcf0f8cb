package conformance

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/util/json"
)

var listRows = []row{
	{number: 32, name: "chunking", applies: []condition{writable}, check: chunking},
	{number: 33, name: "expired continue", applies: []condition{writable, canCompact}, check: expiredContinue},
	{number: 34, name: "list option matrix", check: listOptions},
	{number: 34, name: "list at a compacted version", applies: []condition{canCompact}, check: compactedList},
	{number: 35, name: "resource version from the future", check: future},
	{number: 36, name: "bad selectors", check: badSelectors},
	{number: 37, name: "name and namespace selectors", applies: []condition{showsObjects}, check: fieldSelectors},
}

// many is how many objects fill some pages.
func (c *trial) many() []string {
	count := 8
	if c.kind.stub.namesNamespace {
		count = 1
	}
	var names []string
	for i := range count {
		names = append(names, c.makeNamed(fmt.Sprintf("-%02d", i)).GetName())
	}
	return names
}

// page is what a list answers.
type page struct {
	names         []string
	version, next string
	remaining     any
}

func (c *trial) page(pairs ...string) page {
	c.Helper()
	found := c.get(c.everywhere(), pairs...)
	require.Equal(c, http.StatusOK, found.code, found)
	content := found.json(c)
	require.Equal(c, c.kind.kind+"List", content["kind"])
	metadata, _ := content["metadata"].(map[string]any)
	p := page{remaining: metadata["remainingItemCount"]}
	p.version, _ = metadata["resourceVersion"].(string)
	p.next, _ = metadata["continue"].(string)
	for _, item := range items(content, "items") {
		metadata, _ := item["metadata"].(map[string]any)
		namespace, _ := metadata["namespace"].(string)
		p.names = append(p.names, namespace+"/"+metadata["name"].(string))
	}
	return p
}

func chunking(c *trial) {
	c.many()
	const limit = 3
	first := c.page("limit", strconv.Itoa(limit))
	seen, p := slices.Clone(first.names), first
	for p.next != "" {
		require.Len(c, p.names, limit, "a page with more to come is full")
		require.NotNil(c, p.remaining, "remainingItemCount without selectors")
		before := p.remaining.(int64)
		require.Positive(c, before)
		p = c.page("limit", strconv.Itoa(limit), "continue", p.next)
		require.Equal(c, first.version, p.version, "all pages are of one moment")
		if p.next != "" {
			require.EqualValues(c, before-int64(len(p.names)), p.remaining)
		} else {
			require.Len(c, p.names, int(before))
			require.Nil(c, p.remaining, "nothing remains")
		}
		seen = append(seen, p.names...)
	}
	require.True(c, slices.IsSorted(seen), "pages are in order: %v", seen)
	require.Len(c, slices.Compact(slices.Clone(seen)), len(seen), "nothing comes twice")

	selected := c.page("labelSelector", c.selector())
	for _, name := range selected.names {
		require.Contains(c, seen, name)
	}
	if len(selected.names) > 1 {
		part := c.page("limit", "1", "labelSelector", c.selector())
		require.Len(c, part.names, 1)
		require.NotEmpty(c, part.next)
		require.Nil(c, part.remaining, "not known with a selector")
	}
}

// canCompact is the condition that old versions can be made to go.
func canCompact(c *trial) string {
	if c.suite.etcd == "" {
		return "old versions go when the storage compacts them, which takes minutes"
	}
	return ""
}

// compact makes the versions up to one unreadable.
func (c *trial) compact(version string) {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{c.suite.etcd}})
	require.NoError(c, err)
	defer func() { require.NoError(c, client.Close()) }()
	// Later than the version, so that the version itself is compacted.
	written, err := client.Put(background, "/conformance/compact", c.id)
	require.NoError(c, err)
	_, err = client.Compact(background, written.Header.Revision)
	if err != nil {
		// Another trial compacted later still.
		require.ErrorContains(c, err, "compacted")
	}
	require.True(c, newer(strconv.FormatInt(written.Header.Revision, 10), version))
}

func expiredContinue(c *trial) {
	c.many()
	if c.kind.stub.namesNamespace {
		// A second one makes a second page.
		other := &trial{TB: c.TB, suite: c.suite, path: c.path, kind: c.kind, id: c.id + "b"}
		other.make()
	}
	p := c.page("limit", "1")
	require.NotEmpty(c, p.next)
	c.compact(p.version)
	answer := c.get(c.everywhere(), "limit", "1", "continue", c.aged(p.next))
	status := c.refused(answer, http.StatusGone)
	require.Equal(c, "Expired", status["reason"])
	metadata, _ := status["metadata"].(map[string]any)
	again, _ := metadata["continue"].(string)
	require.NotEmpty(c, again, "an expired list can be resumed: %s", answer)
	resumed := c.page("limit", "1", "continue", again)
	require.Len(c, resumed.names, 1)
	require.Greater(c, resumed.names[0], p.names[0], "it goes on after the page before")
}

// aged is a continue token as if its list had begun long ago. A server answers for a
// while from memory what its storage has compacted.
func (c *trial) aged(token string) string {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(c, err)
	content := map[string]any{}
	require.NoError(c, json.Unmarshal(raw, &content))
	content["rv"] = 1
	return base64.RawURLEncoding.EncodeToString([]byte(encode(c, content)))
}

func compactedList(c *trial) {
	c.compact(compacted)
	exact := c.get(c.everywhere(), "resourceVersion", compacted, "resourceVersionMatch", "Exact")
	require.Equal(c, "Expired", c.refused(exact, http.StatusGone)["reason"])
	// Not older than an old one is always possible.
	c.page("resourceVersion", compacted, "resourceVersionMatch", "NotOlderThan")
	c.page("resourceVersion", compacted)
}

// listOptions goes through all combinations of the options of a list, with a version
// that is compacted where one can be made so.
func listOptions(c *trial) {
	now := c.listVersion()
	token := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"v":"meta.k8s.io/v1","rv":%s,"start":"a\u0000"}`, now))
	if c.kind.readOnly() {
		token = "" // its tokens are its own
	}
	versions := []string{"", "0", now, "garbage"}
	if canCompact(c) == "" {
		c.suite.compactOnce.Do(func() { c.compact(compacted) })
		versions = append(versions, compacted)
	}
	for _, limit := range []string{"", "1", "500"} {
		for _, next := range []string{"", token} {
			for _, version := range versions {
				for _, match := range []string{"", "NotOlderThan", "Exact", "garbage"} {
					answer := c.get(c.everywhere(), given("limit", limit, "continue", next, "resourceVersion", version, "resourceVersionMatch", match)...)
					for tries := 0; version == now && answer.code == http.StatusGone && tries < 10; tries++ {
						// A check beside this one compacted what was new a moment ago.
						answer = c.get(c.everywhere(), given("limit", limit, "continue", next, "resourceVersion", c.listVersion(), "resourceVersionMatch", match)...)
					}
					require.Contains(c, expectedList(limit, next, version, match), answer.code, answer)
				}
			}
		}
	}
}

// compacted is the oldest version that there ever was.
const compacted = "1"

// given leaves out options without a value.
func given(pairs ...string) []string {
	var result []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			result = append(result, pairs[i], pairs[i+1])
		}
	}
	return result
}

// expectedList is the code of a list with these options. The order of the cases is
// that in which they are refused.
func expectedList(limit, next, version, match string) []int {
	invalid := []int{http.StatusUnprocessableEntity}
	switch {
	case match != "" && version == "", match != "" && next != "", match == "garbage", match == "Exact" && version == "0":
		return invalid
	case next != "" && version != "" && version != "0":
		return []int{http.StatusBadRequest}
	case version == "garbage":
		return []int{http.StatusBadRequest, http.StatusUnprocessableEntity}
	case version == compacted && (match == "Exact" || match == "" && limit != ""):
		// With a limit and without a match, a version has always been exact.
		return []int{http.StatusGone}
	}
	return []int{http.StatusOK}
}

func future(c *trial) {
	now, err := strconv.ParseInt(c.listVersion(), 10, 64)
	require.NoError(c, err)
	ahead := strconv.FormatInt(now+1_000_000, 10)
	for _, pairs := range [][]string{
		{"resourceVersion", ahead},
		{"resourceVersion", ahead, "resourceVersionMatch", "NotOlderThan"},
		{"resourceVersion", ahead, "resourceVersionMatch", "Exact"},
	} {
		answer := c.get(c.everywhere(), pairs...)
		status := c.refused(answer, http.StatusGatewayTimeout)
		require.Equal(c, "Timeout", status["reason"])
		details, _ := status["details"].(map[string]any)
		require.NotEmpty(c, details["retryAfterSeconds"], answer)
		causes := items(details, "causes")
		require.NotEmpty(c, causes, answer)
		require.Equal(c, "ResourceVersionTooLarge", causes[0]["reason"], answer)
	}
}

func badSelectors(c *trial) {
	for _, pair := range [][]string{{"labelSelector", "a in"}, {"labelSelector", "-x="}, {"fieldSelector", "spec.unknown=a"}, {"fieldSelector", "metadata"}} {
		c.refused(c.get(c.everywhere(), pair...), http.StatusBadRequest)
	}
}

func fieldSelectors(c *trial) {
	object := c.shown()
	if !c.kind.stub.namesNamespace {
		c.shownNamed("-other")
	}
	byName := c.page("fieldSelector", "metadata.name="+object.GetName())
	require.Equal(c, []string{object.GetNamespace() + "/" + object.GetName()}, byName.names)
	none := c.page("fieldSelector", "metadata.name="+object.GetName()+",metadata.name=other")
	require.Empty(c, none.names)
	if !c.kind.namespaced {
		return
	}
	found := c.get(c.kind.collection(), "fieldSelector", "metadata.namespace="+object.GetNamespace()+",metadata.name="+object.GetName())
	require.Len(c, items(found.json(c), "items"), 1, found)
	found = c.get(c.kind.in(object.GetNamespace()), "fieldSelector", "metadata.namespace=other")
	require.Empty(c, items(found.json(c), "items"), found)
}
