// Package docs_test checks that the documentation is whole: that every word with
// which the server explains itself has a page, and that no link leads nowhere.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every reason of a condition, and every status of a copy, has a page in
// docs/conditions; and every page is about one of them.
func TestEveryReasonHasAPage(t *testing.T) {
	reasons := reasonsInCode(t)
	require.Contains(t, reasons, "CheckClusters")
	require.Contains(t, reasons, "ApplyOverridesFailed")
	require.Contains(t, reasons, "SchemaNotPublished")

	pages, err := filepath.Glob("conditions/*.md")
	require.NoError(t, err)
	var documented []string
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if name == "README" {
			continue
		}
		documented = append(documented, name)
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, part := range []string{"# " + name + "\n", "\nWhere: ", "\n## What it means\n", "\n## What to do\n"} {
			require.Contains(t, string(text), part, page)
		}
		require.Contains(t, reasons, name, "%s is about a word that the server does not use", page)
	}
	for reason, where := range reasons {
		require.Contains(t, documented, reason, "no page docs/conditions/%s.md, a word of %s", reason, where)
	}

	index, err := os.ReadFile("conditions/README.md")
	require.NoError(t, err)
	for _, name := range documented {
		require.Contains(t, string(index), "]("+name+".md)", "docs/conditions/README.md does not list it")
	}
}

// reasonsInCode finds the words by the names of their constants, and where a
// condition is given one as it is; the values are places.
func reasonsInCode(t *testing.T) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for _, root := range []string{"../apis", "../pkg"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			// The command says things to a person, not to conditions.
			if strings.HasPrefix(path, "../pkg/cli/") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				for _, reason := range reasonsOf(node) {
					reasons[reason] = path
				}
				return true
			})
			return nil
		}))
	}
	return reasons
}

var camelCase = regexp.MustCompile(`^[A-Z][A-Za-z]+$`)

func reasonsOf(node ast.Node) []string {
	var values []ast.Expr
	switch node := node.(type) {
	case *ast.ValueSpec:
		status, _ := node.Type.(*ast.Ident)
		for i, name := range node.Names {
			lower := strings.ToLower(name.Name)
			if i < len(node.Values) && (strings.HasPrefix(lower, "reason") || status != nil && status.Name == "PropagationStatus") {
				values = append(values, node.Values[i])
			}
		}
	case *ast.KeyValueExpr:
		if key, ok := node.Key.(*ast.Ident); ok && key.Name == "Reason" {
			values = append(values, node.Value)
		}
	}
	var reasons []string
	for _, value := range values {
		if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && camelCase.MatchString(text) {
				reasons = append(reasons, text)
			}
		}
	}
	return reasons
}

var link = regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)

// A link to a file or folder of the repository leads to one.
func TestLinksLeadSomewhere(t *testing.T) {
	var pages []string
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	}))
	require.True(t, slices.Contains(pages, "../README.md"))
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), match[1]))
			require.NoError(t, err, "a link of %s", page)
		}
	}
}
