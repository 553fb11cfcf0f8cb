package migrate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// exported is an object of the files, with the resource that it is of.
type exported struct {
	resource
	object *unstructured.Unstructured
}

// readFiles reads what export wrote, in the order of the import.
func readFiles(dir string) ([]exported, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "[1-7]-*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("looking for files: %w", err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s has no files of an export", dir)
	}
	slices.Sort(paths)
	var all []exported
	for _, path := range paths {
		objects, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

func readFile(path string) ([]exported, error) {
	// The name is STEP-PLURAL.GROUP.yaml.
	_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".yaml"), "-")
	plural, group, ok := strings.Cut(name, ".")
	if !ok {
		return nil, errors.New("the name of the file says no resource")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []exported
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &object.Object); err != nil {
			return nil, err
		}
		if len(object.Object) == 0 {
			continue
		}
		gv, err := schema.ParseGroupVersion(object.GetAPIVersion())
		if err != nil || gv.Group != group || object.GetKind() == "" || object.GetName() == "" {
			return nil, fmt.Errorf("an object of the file is none of %s", group)
		}
		all = append(all, exported{
			resource: resource{GroupVersionResource: gv.WithResource(plural), kind: object.GetKind(), namespaced: object.GetNamespace() != ""},
			object:   object,
		})
	}
}
