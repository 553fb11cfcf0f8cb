package get

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/output"
	"github.com/kubefederation/federation-apiserver/pkg/cli/secret"
)

type kubeFedCluster = corev1beta1.KubeFedCluster

func clusterNamed(name string) func(kubeFedCluster) bool {
	return func(c kubeFedCluster) bool { return c.Name == name }
}

// printTable writes what clusters have side by side. Members of several versions
// may have other columns: each has its place by its name.
func printTable(out io.Writer, colors output.Palette, answers []answer, withCluster, withNamespace, wide bool) {
	var columns []string
	for _, answer := range answers {
		if answer.table == nil {
			continue
		}
		for _, column := range answer.table.ColumnDefinitions {
			if (column.Priority == 0 || wide) && !slices.Contains(columns, column.Name) {
				columns = append(columns, column.Name)
			}
		}
	}
	table := output.Table{}
	if withCluster {
		table.Headings = []string{"CLUSTER"}
	}
	if withNamespace {
		table.Headings = append(table.Headings, "NAMESPACE")
	}
	for _, column := range columns {
		table.Headings = append(table.Headings, strings.ToUpper(column))
	}
	table.Headings = append(table.Headings, "NOTE")
	row := func(cluster, namespace string, cells []string, note output.Cell) {
		var line []output.Cell
		if withCluster {
			line = append(line, output.Plain("%s", cluster))
		}
		if withNamespace {
			line = append(line, output.Plain("%s", namespace))
		}
		for i := range columns {
			text := ""
			if i < len(cells) {
				text = cells[i]
			}
			line = append(line, output.Plain("%s", text))
		}
		table.Rows = append(table.Rows, append(line, note))
	}
	for _, answer := range answers {
		switch {
		case answer.err != nil:
			row(answer.cluster, "", nil, output.Cell{Text: answer.err.Error(), Paint: colors.Bad})
		case answer.absent, len(answer.table.Rows) == 0:
			row(answer.cluster, "", nil, output.Cell{Text: "not there", Paint: colors.Faint})
		default:
			for i := range answer.table.Rows {
				row(answer.cluster, namespaceOf(answer.table.Rows[i].Object.Raw), cells(answer.table, i, columns), output.Cell{})
			}
		}
	}
	table.Print(out)
}

// namespaceOf is that of an encoded object.
func namespaceOf(raw []byte) string {
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &object); err != nil {
		return ""
	}
	return object.Namespace
}

// cells are those of a row, in the order of columns.
func cells(table *metav1.Table, row int, columns []string) []string {
	texts := make([]string, len(columns))
	for i, definition := range table.ColumnDefinitions {
		at := slices.Index(columns, definition.Name)
		if at < 0 || i >= len(table.Rows[row].Cells) || table.Rows[row].Cells[i] == nil {
			continue
		}
		texts[at] = fmt.Sprint(table.Rows[row].Cells[i])
	}
	return texts
}

// item is one object of a cluster, for programs.
type item struct {
	Cluster string         `json:"cluster,omitempty"`
	Object  map[string]any `json:"object,omitempty"`
	// Error says why nothing is known of the cluster.
	Error string `json:"error,omitempty"`
}

func items(answers []answer, showSecrets bool) ([]item, error) {
	found := []item{}
	for _, answer := range answers {
		if answer.err != nil {
			found = append(found, item{Cluster: answer.cluster, Error: answer.err.Error()})
			continue
		}
		if answer.table == nil {
			continue
		}
		for _, row := range answer.table.Rows {
			var object map[string]any
			if err := json.Unmarshal(row.Object.Raw, &object); err != nil {
				return nil, fmt.Errorf("reading an object of cluster %s: %w", answer.cluster, err)
			}
			if metadata, ok := object["metadata"].(map[string]any); ok {
				delete(metadata, "managedFields")
			}
			if !showSecrets {
				secret.Mask(object)
			}
			found = append(found, item{Cluster: answer.cluster, Object: object})
		}
	}
	return found, nil
}

// printNames writes a line for each object: cluster1/deployment.apps/web.
func printNames(out io.Writer, kind string, found []item) {
	for _, one := range found {
		metadata, _ := one.Object["metadata"].(map[string]any)
		if metadata == nil {
			continue
		}
		name := fmt.Sprintf("%s/%v", kind, metadata["name"])
		if one.Cluster != "" {
			name = one.Cluster + "/" + name
		}
		fmt.Fprintln(out, name)
	}
}
