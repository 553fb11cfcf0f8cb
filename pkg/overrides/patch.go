package overrides

import (
	"encoding/json"
	"errors"
	"fmt"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// patch is the compiled list of overrides of one cluster.
type patch struct {
	cluster string
	// steps are the overrides, with where they stand.
	steps      []step
	operations jsonpatch.Patch
	// setsReplicas says that an override is about spec.replicas.
	setsReplicas bool
}

type step struct {
	entry     int
	selecting bool
	index     int
	path      string
}

// compile checks the overrides of a cluster and makes a JSON patch of them. The
// error is an *ApplyError.
func compile(cluster string, entries []*entry) (*patch, error) {
	p := &patch{cluster: cluster}
	for _, e := range entries {
		seen := make(map[string]struct{}, len(e.overrides))
		for i, override := range e.overrides {
			p.steps = append(p.steps, step{entry: e.index, selecting: e.selector != nil, index: i, path: override.Path})
			pointer, operation, err := compileOne(override, seen)
			if err != nil {
				return nil, p.fault(len(p.steps)-1, err)
			}
			p.operations = append(p.operations, operation)
			if segments := Segments(pointer); segments[0] == "spec" && (len(segments) == 1 || segments[1] == "replicas") {
				p.setsReplicas = true
			}
		}
	}
	return p, nil
}

// compileOne makes an operation of one override. A path may stand only once in
// its entry.
func compileOne(override typesv1beta1.ClusterOverride, seen map[string]struct{}) (string, jsonpatch.Operation, error) {
	pointer, _, err := Pointer(override.Path)
	if err != nil {
		return "", nil, fmt.Errorf("invalid path: %w", err)
	}
	if reason := Forbidden(pointer); reason != "" {
		return "", nil, fmt.Errorf("invalid path: %s", reason)
	}
	if _, twice := seen[pointer]; twice {
		return "", nil, errors.New("the path appears more than once for the cluster")
	}
	seen[pointer] = struct{}{}
	operation, err := operationOf(override, pointer)
	return pointer, operation, err
}

func operationOf(override typesv1beta1.ClusterOverride, pointer string) (jsonpatch.Operation, error) {
	op := override.Op
	switch op {
	case "":
		op = typesv1beta1.OverrideOpReplace
	case typesv1beta1.OverrideOpAdd, typesv1beta1.OverrideOpRemove, typesv1beta1.OverrideOpReplace:
	default:
		return nil, fmt.Errorf("unknown op %q", op)
	}
	rawPath, err := json.Marshal(pointer)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the path: %w", err)
	}
	rawOp := json.RawMessage(`"` + op + `"`)
	operation := jsonpatch.Operation{"op": &rawOp, "path": (*json.RawMessage)(&rawPath)}
	if op != typesv1beta1.OverrideOpRemove {
		value, err := canonicalValue(override.Value)
		if err != nil {
			return nil, err
		}
		operation["value"] = value
	}
	return operation, nil
}

// canonicalValue encodes a value with sorted keys. A null, written or implied,
// must be a nil pointer for json-patch: that is how it decodes one, and it
// panics on a patch into the bytes "null".
func canonicalValue(value typesv1beta1.JSON) (*json.RawMessage, error) {
	if value.IsZero() {
		return nil, nil
	}
	var decoded any
	if err := utiljson.Unmarshal(value.Raw, &decoded); err != nil {
		return nil, fmt.Errorf("invalid value: %w", err)
	}
	if decoded == nil {
		return nil, nil
	}
	raw, err := json.Marshal(decoded)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the value: %w", err)
	}
	return (*json.RawMessage)(&raw), nil
}

// apply patches the canonical document doc. The error is an *ApplyError that
// names the first override that does not apply.
func (p *patch) apply(doc []byte) ([]byte, error) {
	patched, err := p.operations.Apply(doc)
	if err == nil {
		return patched, nil
	}
	// The library does not say which operation failed; the shortest prefix that
	// fails does. Nothing is lost by the time it takes, as this is not retried.
	for i := range p.operations {
		if _, err := p.operations[:i+1].Apply(doc); err != nil {
			return nil, p.fault(i, err)
		}
	}
	return nil, p.fault(-1, err)
}

// fault makes an error of the i-th override, or of them all if i is negative.
func (p *patch) fault(i int, err error) *ApplyError {
	if i < 0 {
		return &ApplyError{Cluster: p.cluster, Index: -1, Err: err}
	}
	at := p.steps[i]
	return &ApplyError{Cluster: p.cluster, Entry: at.entry, Selecting: at.selecting, Index: at.index, Path: at.path, Err: err}
}
