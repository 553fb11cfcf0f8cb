package hollow

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/yaml"
)

// bodyLimit is the most that is read of a request, in bytes.
const bodyLimit = 3 << 20

func (f *Fleet) reduce(u *unstructured.Unstructured) (*content, []manager, error) {
	c, err := f.newContent(u.Object)
	if err != nil {
		return nil, nil, apierrors.NewBadRequest(err.Error())
	}
	return c, managersOf(u.GetManagedFields()), nil
}

// parse reads an object from JSON or YAML, and holds it against the path.
func parse(k *kind, key types.NamespacedName, body []byte) (*unstructured.Unstructured, error) {
	if len(body) > 0 && body[0] != '{' {
		var err error
		if body, err = yaml.YAMLToJSON(body); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	switch {
	case u.GroupVersionKind() != k.GroupVersionKind:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the object is a %s, not a %s", u.GroupVersionKind(), k.GroupVersionKind))
	case u.GetName() != "" && key.Name != "" && u.GetName() != key.Name:
		return nil, apierrors.NewBadRequest("the name of the object is not that of the request")
	case u.GetNamespace() != "" && u.GetNamespace() != key.Namespace:
		return nil, apierrors.NewBadRequest("the namespace of the object is not that of the request")
	}
	if key.Name != "" {
		u.SetName(key.Name)
	}
	if key.Namespace != "" {
		u.SetNamespace(key.Namespace)
	}
	return u, nil
}

func (m *Member) apply(r *http.Request, about target) (*object, int, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, 0, err
	}
	query := r.URL.Query()
	applier := query.Get("fieldManager")
	if applier == "" {
		return nil, 0, apierrors.NewBadRequest("fieldManager is required for apply patch")
	}
	code := http.StatusOK
	answer, err := m.change(r, about, func(live *object) (*object, error) {
		code = http.StatusOK
		if live == nil {
			code = http.StatusCreated
		}
		if live != nil && (!live.isOnly(applier) || about.subresource != "") {
			return m.merge(about, live, body, applier, query.Get("force") == "true")
		}
		// Nobody else has a say: it becomes just what is applied.
		wanted, err := m.intentOf(about.kind, about.key, body, applier)
		if err != nil {
			return nil, err
		}
		if err := about.matches(live, wanted.uid, wanted.version); err != nil {
			return nil, err
		}
		next := &object{content: wanted.content, managers: make([]manager, len(wanted.managers))}
		for i := range wanted.managers {
			next.managers[i] = manager{entry: wanted.managers[i].entry, time: now()}
		}
		return next, nil
	})
	return answer, code, err
}

// merge applies to an object that has several managers.
func (m *Member) merge(about target, live *object, body []byte, applier string, force bool) (*object, error) {
	u, err := parse(about.kind, about.key, body)
	if err != nil {
		return nil, err
	}
	if err := about.matches(live, string(u.GetUID()), u.GetResourceVersion()); err != nil {
		return nil, err
	}
	u.SetUID("")
	u.SetResourceVersion("")
	before, err := live.unstructured()
	if err != nil {
		return nil, err
	}
	result, err := fieldManagers[about.kind].Apply(before, u, applier, force)
	if err != nil {
		return nil, err
	}
	return m.nextOf(result.(*unstructured.Unstructured))
}

func (m *Member) nextOf(u *unstructured.Unstructured) (*object, error) {
	c, managers, err := m.fleet.reduce(u)
	if err != nil {
		return nil, err
	}
	return &object{content: c, managers: managers}, nil
}

// matches holds preconditions in a written object against the live one.
func (a *target) matches(live *object, uid, version string) error {
	switch {
	case live == nil && (uid != "" || version != ""):
		return a.notFound()
	case live == nil:
		return nil
	case uid != "" && uid != live.uid.String():
		return a.conflict("the UID in the precondition (%s) is not that of the object (%s)", uid, live.uid)
	case version != "" && version != formatVersion(live.version):
		return a.conflict("the object has been modified; please apply your changes to the latest version and try again")
	}
	return nil
}

func (a *target) conflict(format string, args ...any) error {
	return apierrors.NewConflict(a.kind.groupResource(), a.key.Name, fmt.Errorf(format, args...))
}

// change replaces an object by what next makes of it, again when somebody else was
// faster. An object that would be the same is left as it is.
func (m *Member) change(r *http.Request, about target, next func(live *object) (*object, error)) (*object, error) {
	for {
		live := m.get(about.kind, about.key)
		changed, err := next(live)
		if err != nil {
			return nil, err
		}
		if live != nil && changed.content == live.content && sameManagers(changed.managers, live.managers) {
			return live, nil
		}
		if r.URL.Query().Get("dryRun") == metav1.DryRunAll {
			changed.key = about.key
			if live != nil {
				changed.uid, changed.version, changed.created, changed.generation = live.uid, live.version, live.created, live.generation
			}
			return changed, nil
		}
		written, err := m.commit(about.kind, about.key, live, changed)
		if !errors.Is(err, errChanged) {
			return written, err
		}
	}
}

func (m *Member) patch(r *http.Request, about target) (*object, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	return m.change(r, about, func(live *object) (*object, error) {
		if live == nil {
			return nil, about.notFound()
		}
		before := live.appendJSON(nil, whole)
		var after []byte
		var err error
		switch contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); types.PatchType(contentType) {
		case types.MergePatchType:
			after, err = jsonpatch.MergePatch(before, body)
		case types.JSONPatchType:
			var operations jsonpatch.Patch
			if operations, err = jsonpatch.DecodePatch(body); err == nil {
				after, err = operations.Apply(before)
			}
		default:
			return nil, apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, "patch", about.kind.groupResource(), about.key.Name, "a merge patch, a JSON patch or an apply is needed", 0, true)
		}
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return m.replace(r, about, live, after)
	})
}

func (m *Member) update(r *http.Request, about target) (*object, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	return m.change(r, about, func(live *object) (*object, error) {
		if live == nil {
			return nil, about.notFound()
		}
		return m.replace(r, about, live, body)
	})
}

// replace writes an object over a live one.
func (m *Member) replace(r *http.Request, about target, live *object, body []byte) (*object, error) {
	after, err := parse(about.kind, about.key, body)
	if err != nil {
		return nil, err
	}
	if err := about.matches(live, string(after.GetUID()), after.GetResourceVersion()); err != nil {
		return nil, err
	}
	before, err := live.unstructured()
	if err != nil {
		return nil, err
	}
	result, err := fieldManagers[about.kind].Update(before, after, managerOf(r))
	if err != nil {
		return nil, err
	}
	return m.nextOf(result.(*unstructured.Unstructured))
}

func (m *Member) create(r *http.Request, about target) (*object, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	u, err := parse(about.kind, about.key, body)
	if err != nil {
		return nil, err
	}
	if u.GetName() == "" && u.GetGenerateName() != "" {
		u.SetName(u.GetGenerateName() + rand.String(5))
	}
	if about.key.Name = u.GetName(); about.key.Name == "" {
		return nil, apierrors.NewBadRequest("metadata.name: a name is required")
	}
	return m.change(r, about, func(live *object) (*object, error) {
		if live != nil {
			return nil, apierrors.NewAlreadyExists(about.kind.groupResource(), about.key.Name)
		}
		result, err := fieldManagers[about.kind].Update(newUnstructured(about.kind), u.DeepCopy(), managerOf(r))
		if err != nil {
			return nil, err
		}
		return m.nextOf(result.(*unstructured.Unstructured))
	})
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if len(body) > bodyLimit {
		return nil, apierrors.NewRequestEntityTooLargeError("the request is too large")
	}
	return body, nil
}

// managerOf is who writes, as an API server names who does not say.
func managerOf(r *http.Request) string {
	if name := r.URL.Query().Get("fieldManager"); name != "" {
		return name
	}
	name, _, _ := strings.Cut(r.UserAgent(), "/")
	return name
}
