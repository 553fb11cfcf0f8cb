package federatedtypes

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// tableConvertor makes the tables that kubectl get prints.
type tableConvertor struct {
	kind *Kind
}

// columns are those of a kind with replicas; others go without that column.
var columns = []metav1.TableColumnDefinition{
	{Name: "Name", Type: "string", Format: "name", Description: "Name of the object"},
	{Name: "Ready", Type: "string", Description: "Whether every selected member has the object as asked for, and every copy is Current"},
	{Name: "Clusters", Type: "string", Description: "Members that have the object as asked for, of those that it is, was or shall be in"},
	{Name: "Replicas", Type: "string", Description: "Replicas that are ready in all members together, of those that there shall be"},
	{Name: "Reason", Type: "string", Priority: 1, Description: "Why the object is not ready"},
	{Name: "Message", Type: "string", Priority: 1, Description: "The same in words"},
	{Name: "Age", Type: "string", Description: "Time since the object was created"},
}

// replicasColumn is the index of the column that is not for every kind.
const replicasColumn = 3

// ConvertToTable makes a row for every object.
func (c tableConvertor) ConvertToTable(_ context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	table := &metav1.Table{}
	if o, ok := options.(*metav1.TableOptions); !ok || !o.NoHeaders {
		table.ColumnDefinitions = columns
		if !c.kind.HasReplicas() {
			table.ColumnDefinitions = slices.Delete(slices.Clone(columns), replicasColumn, replicasColumn+1)
		}
	}
	if list, err := meta.ListAccessor(obj); err == nil {
		table.ResourceVersion = list.GetResourceVersion()
		table.Continue = list.GetContinue()
		table.RemainingItemCount = list.GetRemainingItemCount()
	} else if object, err := meta.CommonAccessor(obj); err == nil {
		table.ResourceVersion = object.GetResourceVersion()
	}

	switch o := obj.(type) {
	case *typesv1beta1.FederatedObject:
		table.Rows = []metav1.TableRow{c.row(o)}
	case *typesv1beta1.FederatedObjectList:
		table.Rows = make([]metav1.TableRow, 0, len(o.Items))
		for i := range o.Items {
			table.Rows = append(table.Rows, c.row(&o.Items[i]))
		}
	default:
		return nil, fmt.Errorf("no table for %T", obj)
	}
	return table, nil
}

func (c tableConvertor) row(obj *typesv1beta1.FederatedObject) metav1.TableRow {
	ready, reason, message := "Unknown", "", ""
	if condition := readyCondition(obj); condition != nil {
		ready, reason, message = string(condition.Status), condition.Reason, condition.Message
	}
	done := 0
	for _, cluster := range obj.Status.Clusters {
		if cluster.Status == typesv1beta1.ClusterPropagationOK {
			done++
		}
	}
	age := "<unknown>"
	if !obj.CreationTimestamp.IsZero() {
		age = duration.HumanDuration(metav1.Now().Sub(obj.CreationTimestamp.Time))
	}
	cells := []any{obj.Name, ready, fmt.Sprintf("%d/%d", done, len(obj.Status.Clusters)), reason, message, age}
	if c.kind.HasReplicas() {
		cells = slices.Insert(cells, replicasColumn, any(fmt.Sprintf("%d/%d", obj.Status.ReadyReplicas, obj.Status.DesiredReplicas)))
	}
	return metav1.TableRow{Cells: cells, Object: runtime.RawExtension{Object: obj}}
}

// readyCondition is Ready, or what KubeFed calls it.
func readyCondition(obj *typesv1beta1.FederatedObject) *typesv1beta1.Condition {
	for _, name := range []string{typesv1beta1.ReadyCondition, typesv1beta1.PropagationCondition} {
		named := func(c typesv1beta1.Condition) bool { return c.Type == name }
		if i := slices.IndexFunc(obj.Status.Conditions, named); i >= 0 {
			return &obj.Status.Conditions[i]
		}
	}
	return nil
}
