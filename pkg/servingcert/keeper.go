// Package servingcert keeps the server's own serving certificate, for
// installations that bring neither one nor cert-manager: an authority and a
// certificate in one Secret, which all replicas share, and the authority in the
// APIServices that lead here. Both are renewed when two thirds of their life are
// over, without a restart and without a moment in which the host does not trust
// what is served.
package servingcert

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/retry"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

const (
	// SecretName is the Secret in the system namespace. It has to exist, empty at
	// first: the server may then do without the right to make Secrets.
	SecretName = "federation-apiserver-serving-cert"

	// syncPeriod is how often the Secret and the APIServices are looked at.
	syncPeriod = 15 * time.Second
	// loadTimeout bounds how long the start waits for the host.
	loadTimeout = time.Minute
)

var apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}

// Options are what a Keeper works with. All are required but the clock.
type Options struct {
	// Host is how to reach the host cluster.
	Host *rest.Config
	// Namespace and Service are those through which the host reaches this server.
	Namespace, Service string
	// APIServices are the names of those that may lead here. One that does not
	// exist, or leads elsewhere, is left alone.
	APIServices []string
	// Clock is the real one if it is nil.
	Clock clock.PassiveClock
}

// Keeper keeps the certificate. It is the provider of it for the library's
// server, which picks up changes by itself.
type Keeper struct {
	options  Options
	secrets  kubernetes.Interface
	services dynamic.NamespaceableResourceInterface

	mu        sync.Mutex
	serving   material
	listeners []dynamiccertificates.Listener
}

var _ dynamiccertificates.CertKeyContentProvider = &Keeper{}

// New makes a Keeper. Load gives it something to serve.
func New(options Options) (*Keeper, error) {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	secrets, err := kubernetes.NewForConfig(options.Host)
	if err != nil {
		return nil, fmt.Errorf("client of the host cluster: %w", err)
	}
	services, err := dynamic.NewForConfig(options.Host)
	if err != nil {
		return nil, fmt.Errorf("client of the host cluster: %w", err)
	}
	return &Keeper{options: options, secrets: secrets, services: services.Resource(apiServices)}, nil
}

// Load reads the certificate from the Secret, and makes it first if it is
// missing. It waits for a host that does not answer, but not for long.
func (k *Keeper) Load(ctx context.Context) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, time.Second, loadTimeout, true, func(ctx context.Context) (bool, error) {
		_, last = k.store(ctx)
		if apierrors.IsNotFound(last) || apierrors.IsForbidden(last) {
			return false, last
		}
		return last == nil, nil
	})
	if wait.Interrupted(err) {
		err = errors.Join(err, last)
	}
	if err != nil {
		return fmt.Errorf("--self-managed-serving-certificate: %w", err)
	}
	return nil
}

// Run keeps the certificate, and what the APIServices trust, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	logger := klog.FromContext(ctx).WithName("serving-certificate")
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := k.sync(ctx); err != nil && ctx.Err() == nil {
			logger.Error(err, "Could not look after the serving certificate", "retryIn", syncPeriod)
		}
	}, syncPeriod)
	return nil
}

// Name says where the certificate comes from.
func (k *Keeper) Name() string { return "secret::" + k.options.Namespace + "/" + SecretName }

// CurrentCertKeyContent returns the certificate and the key to serve with.
func (k *Keeper) CurrentCertKeyContent() ([]byte, []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.serving.certPEM, k.serving.keyPEM
}

// AddListener has someone told of changes.
func (k *Keeper) AddListener(listener dynamiccertificates.Listener) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.listeners = append(k.listeners, listener)
}

// names are those for which the certificate is.
func (k *Keeper) names() []string {
	name := k.options.Service + "." + k.options.Namespace + ".svc"
	return []string{name, name + ".cluster.local", "localhost"}
}

func (k *Keeper) sync(ctx context.Context) error {
	stored, err := k.store(ctx)
	if err != nil {
		return err
	}
	return k.announce(ctx, stored)
}

// store brings the Secret up to date and serves what it holds. Replicas that do
// so at the same time agree, since only one of them writes what it read.
func (k *Keeper) store(ctx context.Context) (material, error) {
	var stored material
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		secrets := k.secrets.CoreV1().Secrets(k.options.Namespace)
		secret, err := secrets.Get(ctx, SecretName, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("read Secret %s/%s, which has to exist: %w", k.options.Namespace, SecretName, err)
		}
		current := read(secret.Data)
		announced, err := k.announced(ctx, current)
		if err != nil {
			return err
		}
		next, changed, err := current.renewed(k.names(), k.options.Clock.Now(), announced)
		if err != nil {
			return err
		}
		stored = next
		if !changed {
			return nil
		}
		secret = secret.DeepCopy()
		if secret.Data, err = next.data(); err != nil {
			return err
		}
		if _, err := secrets.Update(ctx, secret, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("write Secret %s/%s: %w", k.options.Namespace, SecretName, err)
		}
		klog.FromContext(ctx).Info("Renewed the serving certificate or its authority", "secret", klog.KObj(secret),
			"certificateUntil", next.certificate.NotAfter, "authorityUntil", next.authority.NotAfter)
		return nil
	})
	if err != nil {
		return material{}, err
	}
	k.serve(stored)
	return stored, nil
}

func (k *Keeper) serve(m material) {
	k.mu.Lock()
	same := string(k.serving.certPEM) == string(m.certPEM)
	k.serving = m
	listeners := k.listeners
	k.mu.Unlock()
	if same {
		return
	}
	for _, listener := range listeners {
		listener.Enqueue()
	}
}

// announced says whether every APIService that leads here has the authority of m.
func (k *Keeper) announced(ctx context.Context, m material) (bool, error) {
	if m.authority == nil {
		return false, nil
	}
	all := true
	err := k.each(ctx, func(service *unstructured.Unstructured) error {
		bundle, err := caBundle(service)
		if err != nil {
			return err
		}
		authorities, err := cert.ParseCertsPEM(bundle)
		if err != nil || !contains(authorities, m.authority) {
			all = false
		}
		return nil
	})
	return all, err
}

// announce gives the authorities to every APIService that leads here.
func (k *Keeper) announce(ctx context.Context, m material) error {
	wanted := m.bundle()
	return k.each(ctx, func(service *unstructured.Unstructured) error {
		bundle, err := caBundle(service)
		if err != nil || string(bundle) == string(wanted) {
			return err
		}
		// The one excludes the other.
		patch := fmt.Appendf(nil, `{"spec":{"insecureSkipTLSVerify":null,"caBundle":%q}}`, base64.StdEncoding.EncodeToString(wanted))
		if _, err := k.services.Patch(ctx, service.GetName(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("give APIService %s the authority of the serving certificate: %w", service.GetName(), err)
		}
		return nil
	})
}

// each calls do for every APIService that leads here.
func (k *Keeper) each(ctx context.Context, do func(*unstructured.Unstructured) error) error {
	var errs []error
	for _, name := range k.options.APIServices {
		service, err := k.services.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read APIService %s: %w", name, err))
			continue
		}
		if k.leadsHere(service) {
			errs = append(errs, do(service))
		}
	}
	return errors.Join(errs...)
}

func (k *Keeper) leadsHere(service *unstructured.Unstructured) bool {
	namespace, _, _ := unstructured.NestedString(service.Object, "spec", "service", "namespace")
	name, _, _ := unstructured.NestedString(service.Object, "spec", "service", "name")
	return namespace == k.options.Namespace && name == k.options.Service
}

func caBundle(service *unstructured.Unstructured) ([]byte, error) {
	encoded, _, err := unstructured.NestedString(service.Object, "spec", "caBundle")
	if err != nil {
		return nil, fmt.Errorf("APIService %s: %w", service.GetName(), err)
	}
	bundle, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("caBundle of APIService %s: %w", service.GetName(), err)
	}
	return bundle, nil
}
