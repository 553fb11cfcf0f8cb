package members

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "demo", Name: name}
}

func object(name, uid string, version int) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "demo", Name: name, UID: types.UID(uid), ResourceVersion: strconv.Itoa(version),
		Labels: map[string]string{typesv1beta1.ManagedLabel: typesv1beta1.ManagedLabelValueTrue},
	}}
}

func observedOf(o *metav1.PartialObjectMetadata) Observed { return observe(&o.ObjectMeta) }

func TestAnOlderEventDoesNotUndoAnOwnWrite(t *testing.T) {
	const first, second = "uid-1", "uid-2"
	tests := []struct {
		name string
		do   func(v *view)
		want string // resource version; empty: not there
	}{
		{"own write shows at once", func(v *view) {
			v.wrote(key("a"), observedOf(object("a", first, 10)))
		}, "10"},
		{"an older event comes late", func(v *view) {
			v.wrote(key("a"), observedOf(object("a", first, 10)))
			require.NoError(t, v.Update(object("a", first, 8)))
		}, "10"},
		{"a newer event counts", func(v *view) {
			v.wrote(key("a"), observedOf(object("a", first, 10)))
			require.NoError(t, v.Update(object("a", first, 12)))
		}, "12"},
		{"the event overtakes the answer", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 12)))
			v.wrote(key("a"), observedOf(object("a", first, 10)))
		}, "12"},
		{"the deletion overtakes the answer", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 10)))
			require.NoError(t, v.Delete(object("a", first, 12)))
			v.wrote(key("a"), observedOf(object("a", first, 10)))
		}, ""},
		{"an older deletion does not undo a creation", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 5)))
			v.wrote(key("a"), observedOf(object("a", second, 10)))
			require.NoError(t, v.Delete(object("a", first, 9)))
		}, "10"},
		{"answers overtake one another", func(v *view) {
			v.wrote(key("a"), observedOf(object("a", first, 11)))
			v.wrote(key("a"), observedOf(object("a", first, 10)))
		}, "11"},
		{"events of a deleted object come late", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 5)))
			v.deleted(key("a"), first)
			require.NoError(t, v.Update(object("a", first, 7)))
		}, ""},
		{"deleted, then made again by someone", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 5)))
			v.deleted(key("a"), first)
			require.NoError(t, v.Delete(object("a", first, 8)))
			require.NoError(t, v.Add(object("a", second, 9)))
		}, "9"},
		{"deleted and made again by us before the events come", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 5)))
			v.deleted(key("a"), first)
			v.wrote(key("a"), observedOf(object("a", second, 9)))
			require.NoError(t, v.Delete(object("a", first, 8)))
		}, "9"},
		{"what was deleted is not what is there now", func(v *view) {
			require.NoError(t, v.Add(object("a", second, 9)))
			v.deleted(key("a"), first)
		}, "9"},
		{"a list that is older than the write", func(v *view) {
			v.listing(false)
			v.wrote(key("a"), observedOf(object("a", first, 10)))
			require.NoError(t, v.Replace([]any{object("a", first, 7)}, "9"))
		}, "10"},
		{"a list that is newer than the write", func(v *view) {
			v.wrote(key("a"), observedOf(object("a", first, 10)))
			require.NoError(t, v.Replace(nil, "11"))
		}, ""},
		{"a consistent list after the member was restored from a backup", func(v *view) {
			v.wrote(key("a"), observedOf(object("a", first, 1000)))
			v.listing(true)
			require.NoError(t, v.Replace([]any{object("a", first, 400)}, "500"))
		}, "400"},
		{"a list with what was deleted since", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 5)))
			v.deleted(key("a"), first)
			require.NoError(t, v.Replace([]any{object("a", first, 5)}, "6"))
		}, ""},
		{"a write that takes the label away", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 5)))
			o := object("a", first, 6)
			o.Labels = nil
			v.wrote(key("a"), observedOf(o))
		}, ""},
		{"a label that comes back", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 5)))
			o := object("a", first, 6)
			o.Labels = nil
			v.wrote(key("a"), observedOf(o))
			require.NoError(t, v.Delete(object("a", first, 6)))
			require.NoError(t, v.Add(object("a", first, 7)))
		}, "7"},
		{"a bookmark beyond a write whose event is not ours to see", func(v *view) {
			v.wrote(key("a"), observedOf(object("a", first, 10)))
			require.NoError(t, v.Bookmark("11"))
		}, ""},
		{"versions that cannot be compared", func(v *view) {
			o := object("a", first, 1)
			o.ResourceVersion = "opaque"
			v.wrote(key("a"), observedOf(o))
			require.NoError(t, v.Update(object("a", first, 3)))
		}, "3"},
		{"another cluster behind the address", func(v *view) {
			require.NoError(t, v.Add(object("a", first, 10)))
			v.reset()
			require.NoError(t, v.Replace([]any{object("a", second, 3)}, "4"))
		}, "3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := newView(1000, 1000)
			test.do(v)
			o, ok := v.get(key("a"))
			require.Equal(t, test.want != "", ok)
			require.Equal(t, test.want, o.ResourceVersion)
			want := 0
			if ok {
				want = 1
			}
			require.Equal(t, want, v.len())
			require.Len(t, v.keys(), want)
		})
	}
}

func TestHandlersHearOfWhatMattersOnly(t *testing.T) {
	v := newView(1000, 1000)
	var told []string
	v.addHandler(func(key types.NamespacedName) { told = append(told, key.Name) }, func(types.NamespacedName) {})
	heard := func() []string {
		defer func() { told = nil }()
		return told
	}

	require.NoError(t, v.Add(object("a", "1", 1)))
	require.Equal(t, []string{"a"}, heard(), "appears")
	require.NoError(t, v.Update(object("a", "1", 2)))
	require.Empty(t, heard(), "only the resource version changed")
	o := object("a", "1", 3)
	o.Generation = 2
	require.NoError(t, v.Update(o))
	require.Equal(t, []string{"a"}, heard(), "generation changed")
	own := object("a", "1", 4)
	own.Generation = 3
	v.wrote(key("a"), observedOf(own))
	require.NoError(t, v.Update(own))
	require.Empty(t, heard(), "an own write, whose result is known")
	require.NoError(t, v.Delete(object("a", "1", 5)))
	require.Equal(t, []string{"a"}, heard(), "disappears")
	require.NoError(t, v.Replace([]any{object("b", "2", 6)}, "7"))
	require.Equal(t, []string{"b"}, heard(), "is new in a list")
	require.NoError(t, v.Replace(nil, "9"))
	require.Equal(t, []string{"b"}, heard(), "is missing in a list")
	require.ErrorContains(t, v.Add("text"), "unexpected object")
}

// history is what really happens in a member, and what of it has been delivered.
type history struct {
	version int
	objects map[string]*metav1.PartialObjectMetadata
	pending []func(v *view) error
}

// write stores an object, new or changed, and puts its event in line.
func (h *history) write(name string) *metav1.PartialObjectMetadata {
	h.version++
	uid := fmt.Sprintf("%s-%d", name, h.version)
	if old, ok := h.objects[name]; ok {
		uid = string(old.UID)
	}
	o := object(name, uid, h.version)
	o.Generation = int64(h.version)
	h.objects[name] = o
	h.pending = append(h.pending, func(v *view) error { return v.Update(o) })
	return o
}

func (h *history) delete(name string) {
	h.version++
	o := h.objects[name].DeepCopy()
	o.ResourceVersion = strconv.Itoa(h.version)
	delete(h.objects, name)
	h.pending = append(h.pending, func(v *view) error { return v.Delete(o) })
}

func (h *history) list() []any {
	var list []any
	for _, name := range slices.Sorted(maps.Keys(h.objects)) {
		list = append(list, h.objects[name].DeepCopy())
	}
	return list
}

func TestWhateverTheOrderTheViewBecomesTheMember(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{objects: map[string]*metav1.PartialObjectMetadata{}}
		v := newView(1000, 1000)
		// mirror is what somebody knows who looks when told, or after an own write.
		mirror := map[types.NamespacedName]Observed{}
		look := func(key types.NamespacedName) {
			if o, ok := v.get(key); ok {
				mirror[key] = o
			} else {
				delete(mirror, key)
			}
		}
		v.addHandler(look, look)
		newest := map[string]int{} // version of the last own write
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		deliver := func(n int) {
			for _, event := range h.pending[:n] {
				require.NoError(t, event(v))
			}
			h.pending = h.pending[n:]
		}

		t.Repeat(map[string]func(*rapid.T){
			"someone writes": func(t *rapid.T) { h.write(name.Draw(t, "name")) },
			"someone deletes": func(t *rapid.T) {
				n := name.Draw(t, "name")
				if _, ok := h.objects[n]; !ok {
					t.Skip("not there")
				}
				h.delete(n)
			},
			"we write": func(t *rapid.T) {
				n := name.Draw(t, "name")
				o := h.write(n)
				deliver(rapid.IntRange(0, len(h.pending)).Draw(t, "events that overtake the answer"))
				v.wrote(key(n), observedOf(o))
				newest[n] = h.version
				look(key(n))
			},
			"we delete": func(t *rapid.T) {
				n := name.Draw(t, "name")
				o, ok := h.objects[n]
				if !ok {
					t.Skip("not there")
				}
				h.delete(n)
				deliver(rapid.IntRange(0, len(h.pending)).Draw(t, "events that overtake the answer"))
				v.deleted(key(n), o.UID)
				delete(newest, n)
				look(key(n))
			},
			"events come": func(t *rapid.T) {
				deliver(rapid.IntRange(0, len(h.pending)).Draw(t, "events"))
			},
			"a list comes": func(t *rapid.T) {
				consistent := rapid.Bool().Draw(t, "consistent")
				v.listing(consistent)
				list, version := h.list(), h.version
				h.pending = nil // the watch goes on after the list
				if n := name.Draw(t, "name"); rapid.Bool().Draw(t, "a write meanwhile") {
					o := h.write(n)
					v.wrote(key(n), observedOf(o))
					newest[n] = h.version
					look(key(n))
				}
				require.NoError(t, v.Replace(list, strconv.Itoa(version)))
			},
			"": func(t *rapid.T) {
				for n, version := range newest {
					o, ok := v.get(key(n))
					if !ok {
						continue // deleted by someone, after our write
					}
					got, err := strconv.Atoi(o.ResourceVersion)
					require.NoError(t, err)
					require.GreaterOrEqual(t, got, version, "an own write of %s was undone", n)
				}
				require.Len(t, v.keys(), v.len())
			},
		})

		deliver(len(h.pending))
		require.NoError(t, v.Bookmark(strconv.Itoa(h.version+1)))
		want := map[types.NamespacedName]Observed{}
		for n, o := range h.objects {
			want[key(n)] = observedOf(o)
		}
		got := map[types.NamespacedName]Observed{}
		for _, k := range v.keys() {
			got[k], _ = v.get(k)
		}
		require.Equal(t, want, got)
		require.Equal(t, want, mirror, "somebody was not told")
		require.Empty(t, v.own, "marks of own writes are left")
	})
}

func TestACopyCostsLessThanItsBudget(t *testing.T) {
	const copies, budget = 20_000, 1 << 10
	before := heap()
	v := newView(1000, 1000)
	for i := range copies {
		o := object(fmt.Sprintf("web-%d", i), fmt.Sprintf("3a5c9f1e-7c1b-4b7e-9a0d-%012d", i), i+1)
		o.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: typesv1beta1.FieldManager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1",
			FieldsV1: &metav1.FieldsV1{},
		}}
		o.ManagedFields[0].FieldsV1.SetRawBytes(fmt.Appendf(nil, `{"f:data":{"f:key-%d":{}}}`, i))
		require.NoError(t, v.Add(o))
	}
	each := float64(heap()-before) / copies
	runtime.KeepAlive(v)
	t.Logf("%.0f bytes for each copy", each)
	require.Less(t, each, float64(budget))
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
