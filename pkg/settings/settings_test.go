package settings

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

func configured(change func(*corev1beta1.KubeFedConfigSpec)) *corev1beta1.KubeFedConfig {
	config := &corev1beta1.KubeFedConfig{Spec: corev1beta1.KubeFedConfigSpec{Scope: corev1beta1.ClusterScoped}}
	change(&config.Spec)
	return config
}

func gate(name string, mode corev1beta1.ConfigurationMode) *corev1beta1.KubeFedConfig {
	return configured(func(spec *corev1beta1.KubeFedConfigSpec) {
		spec.FeatureGates = []corev1beta1.FeatureGatesConfig{{Name: name, Configuration: mode}}
	})
}

func TestWithoutAConfigurationTheDefaultsHold(t *testing.T) {
	for name, s := range map[string]*Settings{"none": Of(nil), "empty": Of(configured(func(*corev1beta1.KubeFedConfigSpec) {}))} {
		t.Run(name, func(t *testing.T) {
			require.False(t, s.Namespaced())
			require.True(t, s.AdoptResources())
			require.Equal(t, 1, s.SyncWorkers())
			require.Equal(t, 20*time.Second, s.AvailableDelay())
			require.Equal(t, time.Minute, s.UnavailableDelay())
			require.Equal(t, 5*time.Minute, s.CacheSyncTimeout())
			require.Equal(t, 15*time.Minute, s.UnreachableAfter())
			require.Equal(t, 30*24*time.Hour, s.GiveUpAfter())
			require.Equal(t, 10*time.Second, s.ClusterHealthCheck().Period.Duration)
			require.Equal(t, 15*time.Second, s.LeaderElect().LeaseDuration.Duration)
			for gate, want := range map[string]bool{
				corev1beta1.PushReconciler: true, corev1beta1.RawResourceStatusCollection: false, corev1beta1.SchedulerPreferences: true,
				corev1beta1.CrossClusterServiceDiscovery: true, corev1beta1.FederatedIngress: true, "Unknown": false,
			} {
				require.Equal(t, want, s.Enabled(gate), gate)
			}
		})
	}
}

func TestWhatIsConfiguredHolds(t *testing.T) {
	workers, disabled := int64(40), corev1beta1.AdoptResourcesDisabled
	config := configured(func(spec *corev1beta1.KubeFedConfigSpec) {
		spec.Scope = corev1beta1.NamespaceScoped
		spec.SyncController = &corev1beta1.SyncControllerConfig{MaxConcurrentReconciles: &workers, AdoptResources: &disabled}
		spec.ControllerDuration = &corev1beta1.DurationConfig{UnavailableDelay: &metav1.Duration{Duration: time.Second}}
		spec.Removals = &corev1beta1.RemovalsConfig{UnreachableAfter: &metav1.Duration{Duration: time.Minute}, GiveUpAfter: &metav1.Duration{}}
		spec.FeatureGates = []corev1beta1.FeatureGatesConfig{
			{Name: corev1beta1.PushReconciler, Configuration: corev1beta1.ConfigurationDisabled},
			{Name: corev1beta1.RawResourceStatusCollection, Configuration: corev1beta1.ConfigurationEnabled},
			{Name: corev1beta1.FederatedIngress, Configuration: corev1beta1.ConfigurationDisabled},
		}
	})
	s := Of(config)
	require.True(t, s.Namespaced())
	require.False(t, s.AdoptResources())
	require.Equal(t, time.Minute, s.UnreachableAfter())
	require.Zero(t, s.GiveUpAfter(), "for ever")
	require.Equal(t, 40, s.SyncWorkers())
	require.Equal(t, time.Second, s.UnavailableDelay())
	require.False(t, s.Enabled(corev1beta1.PushReconciler))
	require.True(t, s.Enabled(corev1beta1.RawResourceStatusCollection))
	require.False(t, s.Enabled(corev1beta1.FederatedIngress))
	require.True(t, s.Enabled(corev1beta1.CrossClusterServiceDiscovery))
	require.Nil(t, config.Spec.ClusterHealthCheck, "what is cached is left alone")
}

func TestRemovals(t *testing.T) {
	require.Equal(t, Removals{
		Interval: 10 * time.Minute, ClustersPerObject: intstr.FromString("10%"), Objects: intstr.FromString("5%"),
		Confirm: []string{"namespaces", "customresourcedefinitions.apiextensions.k8s.io", "persistentvolumeclaims"},
	}, Of(nil).Removals())
	require.Nil(t, Of(nil).spec.Removals, "clients of KubeFed compare what is stored with their own defaults")

	clusters, objects := intstr.FromInt32(3), intstr.FromString("100%")
	given := configured(func(spec *corev1beta1.KubeFedConfigSpec) {
		spec.Removals = &corev1beta1.RemovalsConfig{
			Interval: &metav1.Duration{Duration: time.Hour}, ClustersPerObject: &clusters, Objects: &objects,
			Confirm: []string{}, ConfirmDeletion: []string{"namespaces"},
		}
	})
	require.Equal(t, Removals{Interval: time.Hour, ClustersPerObject: clusters, Objects: objects, Confirm: []string{}, ConfirmDeletion: []string{"namespaces"}}, Of(given).Removals())
}

// inForce is one with the defaults, that nothing is read for.
func inForce() *InForce {
	f := &InForce{}
	f.now.Store(Of(nil))
	return f
}

func TestChangesAreTold(t *testing.T) {
	f := inForce()
	var told []int
	forget := f.OnChange(func(s *Settings) { told = append(told, s.SyncWorkers()) })
	workers := func(n int64) *corev1beta1.KubeFedConfig {
		return configured(func(spec *corev1beta1.KubeFedConfigSpec) {
			spec.SyncController = &corev1beta1.SyncControllerConfig{MaxConcurrentReconciles: &n}
		})
	}
	f.stored(workers(2))
	f.stored(workers(2)) // says nothing new
	f.stored(workers(3))
	require.Equal(t, 3, f.Get().SyncWorkers())
	forget()
	f.stored(workers(4))
	require.Equal(t, []int{1, 2, 3}, told)
	require.Equal(t, 4, f.Get().SyncWorkers())
}

// run is a part that says when it begins and ends.
type run struct {
	began, ended chan struct{}
	fail         chan error
}

func newRun() *run {
	return &run{began: make(chan struct{}), ended: make(chan struct{}), fail: make(chan error)}
}

func (r *run) Run(ctx context.Context) error {
	r.began <- struct{}{}
	select {
	case <-ctx.Done():
		r.ended <- struct{}{}
		return nil
	case err := <-r.fail:
		return err
	}
}

func scheduling(s *Settings) bool { return s.Enabled(corev1beta1.SchedulerPreferences) }

func TestAPartRunsWhileItsGateIsOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, r, done := inForce(), newRun(), make(chan error, 1)
	go func() { done <- f.While(ctx, scheduling, r.Run) }()
	<-r.began
	f.stored(gate(corev1beta1.PushReconciler, corev1beta1.ConfigurationDisabled)) // is nothing to it
	f.stored(gate(corev1beta1.SchedulerPreferences, corev1beta1.ConfigurationDisabled))
	<-r.ended
	f.stored(gate(corev1beta1.SchedulerPreferences, corev1beta1.ConfigurationEnabled))
	<-r.began
	cancel()
	<-r.ended
	require.NoError(t, <-done)
}

func TestAPartWhoseGateIsOffDoesNotRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, done := inForce(), make(chan error, 1)
	f.stored(gate(corev1beta1.SchedulerPreferences, corev1beta1.ConfigurationDisabled))
	go func() {
		done <- f.While(ctx, scheduling, func(context.Context) error { return errors.New("ran") })
	}()
	cancel()
	require.NoError(t, <-done)
}

func TestAPartThatEndsIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{"with an error": {errors.New("broken"), "broken"}, "without one": {nil, "ended unexpectedly"}} {
		t.Run(name, func(t *testing.T) {
			f, r, done := inForce(), newRun(), make(chan error, 1)
			go func() { done <- f.While(t.Context(), scheduling, r.Run) }()
			<-r.began
			r.fail <- test.err
			require.EqualError(t, <-done, test.want)
			require.Empty(t, f.handlers)
		})
	}
}
