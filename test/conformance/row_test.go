package conformance

import (
	"fmt"
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
	return slices.Concat(discoveryRows, createRows, readRows, listRows, watchRows, updateRows, patchRows, applyRows, deleteRows, limitRows, identityRows)
}

// elsewhere says of rows that are not checked here why, and where they are.
var elsewhere = map[int]string{
	4:  "a figure of load, not a yes or no: make bench",
	38: "needs two replicas of the server",
	48: "needs a restart of the server under a thousand watches",
	68: "no kind is served in two versions",
	82: "a flood takes the machine from the tests beside it",
	83: "stops the storage",
	87: "needs the host's own record of who asked; test/e2e checks what users of roles may do",
	89: "needs webhooks and policies in the host",
	91: "needs clients of old releases",
	92: "changes certificates that other tests use",
}

// TestRows fails if a row is neither checked nor named as one that is not.
func TestRows(t *testing.T) {
	checked := map[int]bool{}
	for _, r := range list() {
		require.NotNil(t, r.check, r.label())
		require.Empty(t, elsewhere[r.number], "row %d is checked and must not be named as unchecked", r.number)
		checked[r.number] = true
	}
	for number := 1; number <= rows; number++ {
		if !checked[number] {
			require.NotEmpty(t, elsewhere[number], "row %d is not checked, and nothing says why", number)
		}
	}
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
