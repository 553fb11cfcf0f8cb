package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// as is the federation in the hands of another user.
func (f *federation) as(user string) dynamic.Interface {
	f.t.Helper()
	config := f.Host().Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	client, err := dynamic.NewForConfig(config)
	require.NoError(f.t, err)
	return client
}

// TestRightsAreThoseOfTheHost checks that the host's RBAC decides.
func TestRightsAreThoseOfTheHost(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.quiet()
	namespace := f.namespace(cluster1)
	nobody := f.as("nobody").Resource(federatedConfigMaps).Namespace(namespace)
	_, err := nobody.Create(f.ctx(), federatedConfigMap(namespace, "mine", "value", cluster1), metav1.CreateOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	assert.Contains(t, err.Error(), `User "nobody" cannot create resource "federatedconfigmaps" in API group "types.kubefed.io"`)

	f.kubectl("create", "role", "reader", "-n", namespace, "--verb=get,list", "--resource=federatedconfigmaps.types.kubefed.io")
	f.kubectl("create", "rolebinding", "reader", "-n", namespace, "--role=reader", "--user=reader")
	f.awaitAllowed("reader", "list", namespace)
	reader := f.as("reader").Resource(federatedConfigMaps).Namespace(namespace)
	_, err = reader.List(f.ctx(), metav1.ListOptions{})
	require.NoError(t, err)
	_, err = reader.Create(f.ctx(), federatedConfigMap(namespace, "mine", "value", cluster1), metav1.CreateOptions{})
	assert.True(t, apierrors.IsForbidden(err), "%v", err)
	assert.Equal(t, "no\n", f.run("", "kubectl", "auth", "can-i", "delete", "federatedconfigmaps", "-n", namespace, "--as=reader").stdout)
	assert.Equal(t, "yes\n", f.kubectl("auth", "can-i", "list", "federatedconfigmaps", "-n", namespace, "--as=reader"))

	// Behind the host the server asks the host: a certificate of nobody's is not enough.
	direct := rest.AnonymousClientConfig(f.Host().Config())
	direct.Host = f.Federation().Endpoint()
	direct.TLSClientConfig = rest.TLSClientConfig{CAFile: f.Federation().CAFile()}
	client, err := dynamic.NewForConfig(direct)
	require.NoError(t, err)
	_, err = client.Resource(federatedConfigMaps).Namespace(namespace).List(f.ctx(), metav1.ListOptions{})
	assert.True(t, apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err), "%v", err)
}

// awaitAllowed waits until the host lets a user do something with FederatedConfigMaps: its authorizer reads roles and
// bindings from caches.
func (f *federation) awaitAllowed(user, verb, namespace string) {
	f.t.Helper()
	f.eventually("the rights of "+user, func() error {
		r := f.run("", "kubectl", "auth", "can-i", verb, "federatedconfigmaps", "-n", namespace, "--as="+user)
		if r.stdout != "yes\n" {
			return fmt.Errorf("may %s %s? %s%s", user, verb, r.stdout, r.stderr)
		}
		return nil
	})
}

// TestAuditNamesTheUser finds a user's write in the server's audit log, and the copy's in the same breath.
func TestAuditNamesTheUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	f.kubectl("create", "role", "writer", "-n", namespace, "--verb=create", "--resource=federatedconfigmaps.types.kubefed.io,configmaps")
	f.kubectl("create", "rolebinding", "writer", "-n", namespace, "--role=writer", "--user=jane")
	f.awaitAllowed("jane", "create", namespace)
	jane := f.as("jane").Resource(federatedConfigMaps).Namespace(namespace)
	_, err := jane.Create(f.ctx(), federatedConfigMap(namespace, "janes", "value", cluster1), metav1.CreateOptions{})
	require.NoError(t, err)

	var found *auditv1.Event
	f.eventually("the create in the audit log", func() error {
		file, err := os.Open(f.Federation().AuditLog())
		if err != nil {
			return err
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			event := &auditv1.Event{}
			if err := json.Unmarshal(lines.Bytes(), event); err != nil {
				return fmt.Errorf("%w in %q", err, lines.Text())
			}
			if event.ObjectRef != nil && event.ObjectRef.Namespace == namespace && event.Verb == "create" && event.ObjectRef.Resource == "federatedconfigmaps" {
				found = event
			}
		}
		if found == nil {
			return fmt.Errorf("not there: %w", lines.Err())
		}
		return nil
	})
	assert.Equal(t, "jane", found.User.Username)
	assert.NotEmpty(t, found.AuditID)
	assert.EqualValues(t, 201, found.ResponseStatus.Code)
}
