package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
)

// Seed waits for etcd and stores the namespace kube-system if there is none. A kube-apiserver makes it too, but in its
// first second its own controllers look for it and log errors that it is missing.
func (c *ControlPlane) Seed(ctx context.Context, check func() error) error {
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"unix://" + c.etcdSocket()},
		Logger:    zap.NewNop(),
	})
	if err != nil {
		return fmt.Errorf("%s: client of etcd: %w", c.config.Name, err)
	}
	namespace, err := systemNamespace()
	if err == nil {
		err = c.until(ctx, check, "its etcd to be ready", func(ctx context.Context) error {
			const key = "/registry/namespaces/" + metav1.NamespaceSystem
			_, err := client.Txn(ctx).
				If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
				Then(clientv3.OpPut(key, namespace)).
				Commit()
			return err
		})
	}
	if closeErr := client.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("%s: client of etcd: %w", c.config.Name, closeErr)
	}
	return err
}

func systemNamespace() (string, error) {
	data, err := json.Marshal(&corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{
			Name:              metav1.NamespaceSystem,
			UID:               uuid.NewUUID(),
			CreationTimestamp: metav1.NewTime(time.Now()),
			Labels:            map[string]string{corev1.LabelMetadataName: metav1.NamespaceSystem},
		},
		Spec:   corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	})
	if err != nil {
		return "", fmt.Errorf("encode namespace %s: %w", metav1.NamespaceSystem, err)
	}
	return string(data), nil
}
