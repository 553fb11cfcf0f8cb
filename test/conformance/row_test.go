package conformance

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows is how many rows the list has. TestRows holds the code to it.
const rows = 92

// row is one rule.
type row struct {
	number int
	name   string
	// optional rows are reported and do not fail the run.
	optional bool
	// once rows are about the server and not about one kind.
	once bool
	// applies returns why the row says nothing about a kind, or nothing if it does.
	applies []condition
	check   func(*trial)
}

// condition returns why a row does not apply, or nothing.
type condition func(*trial) string

func (r row) label() string { return fmt.Sprintf("%02d %s", r.number, r.name) }

// list is all rows, in the order in which they run.
func list() []row {
	return slices.Concat(discoveryRows, createRows, readRows, listRows, watchRows, updateRows, patchRows, applyRows, deleteRows, limitRows, overloadRows, identityRows, admissionRows, clientRows)
}

// elsewhere says of rows that are not checked here why, and which tests check them.
var elsewhere = map[int]struct {
	why   string
	tests []string
}{
	38: {"needs two replicas of the server", []string{"test/ha.TestWritesOfOneReplicaAreReadFromTheOther"}},
	48: {"needs a restart of the server under a thousand watches", []string{"test/integration/server.TestGracefulShutdownUnderWatches"}},
	83: {"stops and fills the storage", []string{"test/ha.TestEtcdHangs", "test/ha.TestOneEtcdMemberIsKilled", "test/integration/server.TestFullStoreRefusesWritesAndRecovers"}},
	92: {"changes certificates that other tests use", []string{"test/ha.TestCertificatesAreReplacedUnderLoad"}},
}

// TestRows fails if a row is neither checked nor named as one that is checked by
// tests that there are.
func TestRows(t *testing.T) {
	checked := map[int]bool{}
	for _, r := range list() {
		require.NotNil(t, r.check, r.label())
		require.Empty(t, elsewhere[r.number].why, "row %d is checked and must not be named as unchecked", r.number)
		checked[r.number] = true
	}
	for number := 1; number <= rows; number++ {
		if checked[number] {
			continue
		}
		require.NotEmpty(t, elsewhere[number].why, "row %d is not checked, and nothing says why", number)
		require.NotEmpty(t, elsewhere[number].tests, "row %d", number)
		for _, test := range elsewhere[number].tests {
			folder, name, _ := strings.Cut(test, ".")
			require.Contains(t, testsIn(t, folder), name, "row %d", number)
		}
	}
}

// testsIn returns the tests of a package by the path of its folder.
func testsIn(t *testing.T, folder string) []string {
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range parsed.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Test") {
				names = append(names, function.Name.Name)
			}
		}
	}
	return names
}

// needs is the condition that the kind serves verbs.
func needs(verbs ...string) condition {
	return func(c *trial) string {
		for _, verb := range verbs {
			if !slices.Contains(c.kind.verbs, verb) {
				return fmt.Sprintf("%s does not serve %s", c.kind.resource, verb)
			}
		}
		return ""
	}
}

// writable is the condition that objects of the kind are stored.
var writable = needs("create", "update", "patch", "delete")

// hasStatus is the condition that the kind has a status to write.
func hasStatus(c *trial) string {
	if !c.kind.status {
		return c.kind.resource + " has no status subresource"
	}
	return ""
}

// freeName is the condition that an object may have any name.
func freeName(c *trial) string {
	if c.kind.stub.name != nil {
		return "the name is given by the content"
	}
	if c.kind.stub.namesNamespace {
		return "the name is that of the namespace"
	}
	return ""
}

// inNamespace is the condition that objects are in namespaces.
func inNamespace(c *trial) string {
	if !c.kind.namespaced {
		return c.kind.resource + " is not namespaced"
	}
	return ""
}

// directly is the condition that the server is asked without the host between.
func directly(c *trial) string {
	if c.path.name != direct {
		return "the host answers this itself"
	}
	return ""
}

func subtest(name string) string { return strings.ReplaceAll(name, " ", "_") }
