package scheduling

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// replicasPath is what plans override.
const replicasPath = "/spec/replicas"

// compose writes a plan into a copy of obj, whose record is last. changed is false
// if obj says all of it already. What the user has written since the last plan is
// taken for what was there before.
func compose(obj *typesv1beta1.FederatedObject, last *planRecord, replicas map[string]int64, waiting []string) (next *typesv1beta1.FederatedObject, changed bool, err error) {
	next = obj.DeepCopy()
	r := &planRecord{Clusters: slices.Sorted(maps.Keys(replicas)), Replicas: replicas, Waiting: waiting, Before: before{
		Clusters: namesOf(stated(obj, last).Clusters), Overrides: map[string]typesv1beta1.ClusterOverride{},
	}}
	if !slices.Equal(namesOf(next.Spec.Placement.Clusters), r.Clusters) {
		next.Spec.Placement.Clusters = references(r.Clusters)
		changed = true
	}
	if last != nil {
		for _, cluster := range slices.Sorted(maps.Keys(last.Replicas)) {
			if _, planned := replicas[cluster]; !planned && restoreOverride(next, last, cluster) {
				changed = true
			}
		}
	}
	for _, cluster := range r.Clusters {
		theirs, written := override(next, last, cluster, replicas[cluster])
		if theirs != nil {
			r.Before.Overrides[cluster] = *theirs
		}
		changed = changed || written
	}

	text, err := json.Marshal(r)
	if err != nil {
		return nil, false, fmt.Errorf("record the plan: %w", err)
	}
	if next.Annotations[schedulingv1alpha1.SchedulingAnnotation] != string(text) {
		if next.Annotations == nil {
			next.Annotations = map[string]string{}
		}
		next.Annotations[schedulingv1alpha1.SchedulingAnnotation] = string(text)
		changed = true
	}
	return next, changed, nil
}

// override sets the replicas of a cluster. theirs is the user's own override that
// it stands in for, nil if there was none.
func override(obj *typesv1beta1.FederatedObject, last *planRecord, cluster string, replicas int64) (theirs *typesv1beta1.ClusterOverride, changed bool) {
	value := strconv.FormatInt(replicas, 10)
	ours := typesv1beta1.ClusterOverride{Path: replicasPath, Value: typesv1beta1.JSON{Raw: []byte(value)}}
	entry, at := find(obj, cluster)
	switch {
	case entry < 0:
		obj.Spec.Overrides = append(obj.Spec.Overrides, typesv1beta1.ClusterOverrides{
			ClusterName: cluster, ClusterOverrides: []typesv1beta1.ClusterOverride{ours}})
		return nil, true
	case at < 0:
		list := &obj.Spec.Overrides[entry].ClusterOverrides
		*list = append(*list, ours)
		return nil, true
	}
	present := &obj.Spec.Overrides[entry].ClusterOverrides[at]
	if last.has(cluster) && setsTo(present, last.Replicas[cluster]) {
		if earlier, ok := last.Before.Overrides[cluster]; ok {
			theirs = &earlier
		}
	} else {
		kept := *present
		theirs = &kept
	}
	if present.Path == replicasPath && setsTo(present, replicas) {
		return theirs, false
	}
	*present = ours
	return theirs, true
}

// restoreOverride takes the replicas that the last plan set for a cluster out again,
// and puts back what was there before. What somebody else has set since stays.
func restoreOverride(obj *typesv1beta1.FederatedObject, last *planRecord, cluster string) (changed bool) {
	entry, at := find(obj, cluster)
	if entry < 0 || at < 0 || !setsTo(&obj.Spec.Overrides[entry].ClusterOverrides[at], last.Replicas[cluster]) {
		return false
	}
	list := obj.Spec.Overrides[entry].ClusterOverrides
	if earlier, ok := last.Before.Overrides[cluster]; ok {
		list[at] = earlier
		return true
	}
	list = slices.Delete(list, at, at+1)
	obj.Spec.Overrides[entry].ClusterOverrides = list
	if len(list) == 0 {
		obj.Spec.Overrides = slices.Delete(obj.Spec.Overrides, entry, entry+1)
	}
	if len(obj.Spec.Overrides) == 0 {
		obj.Spec.Overrides = nil
	}
	return true
}

// find returns the indices of the entry of a cluster, and in it of the override of
// the replicas; -1 where there is none.
func find(obj *typesv1beta1.FederatedObject, cluster string) (entry, at int) {
	entry = slices.IndexFunc(obj.Spec.Overrides, func(o typesv1beta1.ClusterOverrides) bool { return o.ClusterName == cluster })
	if entry < 0 {
		return -1, -1
	}
	return entry, slices.IndexFunc(obj.Spec.Overrides[entry].ClusterOverrides, func(o typesv1beta1.ClusterOverride) bool {
		pointer, _, err := overrides.Pointer(o.Path)
		return err == nil && pointer == replicasPath
	})
}

// setsTo says whether an override sets the replicas to a number.
func setsTo(o *typesv1beta1.ClusterOverride, replicas int64) bool {
	if o.Op != "" && o.Op != typesv1beta1.OverrideOpReplace {
		return false
	}
	number, err := strconv.ParseInt(string(o.Value.Raw), 10, 64)
	return err == nil && number == replicas
}

// takeBack takes out of a copy of obj what the plans have written into it. The
// placement goes back to the user's own, if that selects anything; else the clusters
// stay that have replicas, for taking the preference away must not take every copy
// with it.
func takeBack(obj *typesv1beta1.FederatedObject, last *planRecord) *typesv1beta1.FederatedObject {
	next := obj.DeepCopy()
	for _, cluster := range slices.Sorted(maps.Keys(last.Replicas)) {
		restoreOverride(next, last, cluster)
	}
	if placement := &next.Spec.Placement; isOurs(*placement, last) {
		switch {
		case len(last.Before.Clusters) > 0:
			placement.Clusters = references(last.Before.Clusters)
		case last.Before.Clusters == nil && placement.ClusterSelector != nil:
			placement.Clusters = nil
		default:
			running := slices.DeleteFunc(slices.Clone(last.Clusters), func(c string) bool { return last.Replicas[c] == 0 })
			if len(running) > 0 {
				placement.Clusters = references(running)
			}
		}
	}
	delete(next.Annotations, schedulingv1alpha1.SchedulingAnnotation)
	return next
}
