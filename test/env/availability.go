package env

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// probeTimeout keeps one unanswered probe from hiding that a process has ended.
const probeTimeout = 5 * time.Second

// check fails if the server or the host has ended.
func (f *Federation) check(ctx context.Context) error {
	if err := f.each(ctx, f.env.backend.Check); err != nil {
		return err
	}
	return f.env.host.check(ctx)
}

// waitServing waits until the server itself is ready.
func (r *Replica) waitServing(ctx context.Context) error {
	return r.federation.until(ctx, "the federation server to be ready", r.probe)
}

// probe asks whether the server is ready. It trusts the authority of the moment, which a test may change.
func (r *Replica) probe(ctx context.Context) error {
	authority, err := os.ReadFile(r.federation.CAFile())
	if err != nil {
		return fmt.Errorf("trust the federation server: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Endpoint()+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz answers %s", response.Status)
	}
	return nil
}

// waitAvailable waits until the host finds every group of the server available and answers for it.
func (f *Federation) waitAvailable(ctx context.Context) error {
	dynamicClient, err := dynamic.NewForConfig(f.env.host.Config())
	if err != nil {
		return fmt.Errorf("client of the host: %w", err)
	}
	client, err := kubernetes.NewForConfig(f.env.host.Config())
	if err != nil {
		return fmt.Errorf("client of the host: %w", err)
	}
	return f.until(ctx, "the host to reach the federation server", func(ctx context.Context) error {
		list, err := dynamicClient.Resource(apiServices).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		found := 0
		for i := range list.Items {
			object := &list.Items[i]
			if name, _, _ := unstructured.NestedString(object.Object, "spec", "service", "name"); name != serverName {
				continue
			}
			found++
			if err := conditionTrue(object, "Available"); err != nil {
				return err
			}
			// Right after a restart the condition may still be that of before.
			if err := client.RESTClient().Get().AbsPath(groupPath(object)).Do(ctx).Error(); err != nil {
				return err
			}
		}
		if found == 0 {
			return errors.New("no APIService leads to the federation server")
		}
		return nil
	})
}

func groupPath(apiService *unstructured.Unstructured) string {
	group, _, _ := unstructured.NestedString(apiService.Object, "spec", "group")
	version, _, _ := unstructured.NestedString(apiService.Object, "spec", "version")
	return "/apis/" + group + "/" + version
}

// until repeats try until it succeeds, and says what was missing last when time runs out.
func (f *Federation) until(ctx context.Context, what string, try func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		attempt, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		if last = try(attempt); last == nil {
			return true, nil
		}
		return false, f.check(ctx)
	})
	if wait.Interrupted(err) {
		err = errors.Join(err, last)
	}
	if err != nil {
		return fmt.Errorf("wait for %s: %w", what, err)
	}
	return nil
}
