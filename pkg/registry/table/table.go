// Package table turns objects of one type into the rows that kubectl get shows.
package table

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metatable "k8s.io/apimachinery/pkg/api/meta/table"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Wide is the priority of a column that is only shown with -o wide.
const Wide = 1

// Column is a column between the name and the age.
type Column[T runtime.Object] struct {
	// Name of the column, such as Ready.
	Name string
	// Description of the column, for clients that show it.
	Description string
	// Priority is 0, or Wide.
	Priority int32
	// Cell returns the text for one object.
	Cell func(T) string
}

// Convertor converts objects of type T and lists of them. It implements
// rest.TableConvertor.
type Convertor[T runtime.Object] struct {
	columns     []Column[T]
	definitions []metav1.TableColumnDefinition
}

// NewConvertor returns a convertor with the column Name first, the given ones,
// and Age last.
func NewConvertor[T runtime.Object](columns ...Column[T]) *Convertor[T] {
	documentation := metav1.ObjectMeta{}.SwaggerDoc()
	definitions := []metav1.TableColumnDefinition{{Name: "Name", Type: "string", Format: "name", Description: documentation["name"]}}
	for _, column := range columns {
		definitions = append(definitions, metav1.TableColumnDefinition{
			Name: column.Name, Type: "string", Description: column.Description, Priority: column.Priority,
		})
	}
	definitions = append(definitions, metav1.TableColumnDefinition{Name: "Age", Type: "string", Description: documentation["creationTimestamp"]})
	return &Convertor[T]{columns: columns, definitions: definitions}
}

// ConvertToTable implements rest.TableConvertor. The error says that an object
// is of another type.
func (c *Convertor[T]) ConvertToTable(_ context.Context, object, tableOptions runtime.Object) (*metav1.Table, error) {
	table := &metav1.Table{}
	if options, ok := tableOptions.(*metav1.TableOptions); !ok || !options.NoHeaders {
		table.ColumnDefinitions = c.definitions
	}
	if list, err := meta.ListAccessor(object); err == nil {
		table.ResourceVersion = list.GetResourceVersion()
		table.Continue = list.GetContinue()
		table.RemainingItemCount = list.GetRemainingItemCount()
	} else if common, err := meta.CommonAccessor(object); err == nil {
		table.ResourceVersion = common.GetResourceVersion()
	}

	var err error
	table.Rows, err = metatable.MetaToTableRow(object, c.row)
	if err != nil {
		return nil, fmt.Errorf("cannot show objects in a table: %w", err)
	}
	return table, nil
}

func (c *Convertor[T]) row(object runtime.Object, _ metav1.Object, name, age string) ([]any, error) {
	typed, ok := object.(T)
	if !ok {
		return nil, fmt.Errorf("unexpected type %T", object)
	}
	cells := make([]any, 0, len(c.definitions))
	cells = append(cells, name)
	for _, column := range c.columns {
		cells = append(cells, column.Cell(typed))
	}
	return append(cells, age), nil
}
