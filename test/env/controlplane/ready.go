package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	pollInterval = 100 * time.Millisecond
	// probeTimeout keeps one unanswered probe from hiding that a process has ended.
	probeTimeout = 5 * time.Second
)

// RESTConfig returns the administrator's client configuration, without a client-side rate limit.
func (c *ControlPlane) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.config.Name, err)
	}
	config.QPS = -1
	return config, nil
}

// WaitServing waits until the kube-apiserver is ready. A process that check finds dead ends the wait at once.
func (c *ControlPlane) WaitServing(ctx context.Context, check func() error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return c.until(ctx, check, "its kube-apiserver to be ready", func(ctx context.Context) error {
		var status int
		result := client.RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&status)
		if err := result.Error(); err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("readyz answers %d", status)
		}
		return nil
	})
}

// WaitUsable waits until pods can be created and run: the controllers are at work and every node is ready.
func (c *ControlPlane) WaitUsable(ctx context.Context, check func() error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	for _, node := range c.config.Nodes {
		if err := c.until(ctx, check, "node "+node.Name+" to be accepted", func(ctx context.Context) error {
			return register(ctx, client, node)
		}); err != nil {
			return err
		}
	}
	if err := c.until(ctx, check, "the service account of namespace default", func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	}); err != nil {
		return err
	}
	for _, node := range c.config.Nodes {
		if err := c.until(ctx, check, "node "+node.Name+" to be ready", func(ctx context.Context) error {
			return nodeReady(ctx, client, node.Name)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (c *ControlPlane) client() (*kubernetes.Clientset, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.config.Name, err)
	}
	return client, nil
}

// until repeats try until it succeeds, and says what was missing last when time runs out.
func (c *ControlPlane) until(ctx context.Context, check func() error, what string, try func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		attempt, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		if last = try(attempt); last == nil {
			return true, nil
		}
		return false, check()
	})
	switch {
	case err == nil:
		return nil
	case wait.Interrupted(err):
		return fmt.Errorf("%s: wait for %s: %w", c.config.Name, what, errors.Join(err, last))
	default:
		return fmt.Errorf("%s: wait for %s: %w", c.config.Name, what, err)
	}
}

func register(ctx context.Context, client kubernetes.Interface, node Node) error {
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:    resourceCPU,
		corev1.ResourceMemory: resourceMemory,
		corev1.ResourcePods:   resourcePods,
	}
	_, err := client.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        node.Name,
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
			Labels: map[string]string{
				corev1.LabelHostname:       node.Name,
				corev1.LabelOSStable:       "linux",
				corev1.LabelArchStable:     "amd64",
				corev1.LabelTopologyRegion: node.Region,
				corev1.LabelTopologyZone:   node.Zone,
			},
		},
		Status: corev1.NodeStatus{Capacity: capacity, Allocatable: capacity},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func nodeReady(ctx context.Context, client kubernetes.Interface, name string) error {
	node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return errors.New("the node is not ready")
}
