package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/loopback"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	patience     = 3 * time.Minute
	pollInterval = 50 * time.Millisecond
)

func TestMain(m *testing.M) { os.Exit(env.Run(m)) }

// executable builds the server once.
var executable = sync.OnceValues(func() (string, error) {
	repository, err := binaries.FindRepository()
	if err != nil {
		return "", err
	}
	dir, err := repository.Project(context.Background(), progress.Discard)
	return filepath.Join(dir, "federation-apiserver"), err
})

// run runs the server until it ends, and returns what it printed.
func run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, path, args...)
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	err = command.Run()
	require.NoError(t, ctx.Err(), "the server runs: %s", errOut.String())
	return out.String(), errOut.String(), err
}

// server is a running server.
type server struct {
	t        *testing.T
	host     *env.Environment
	endpoint string
	log      string
	command  *exec.Cmd
	ended    chan struct{}
	err      error
}

// hostKubeconfig is that of the environment's own server: the same rights are enough.
func hostKubeconfig(e *env.Environment) string {
	return filepath.Join(e.Dir(), "federation", "host.kubeconfig")
}

// start starts a server and waits until it is ready. The test ends it.
func start(t *testing.T, dataDir string, args ...string) *server {
	t.Helper()
	s := launch(t, dataDir, args...)
	err := wait.PollUntilContextTimeout(t.Context(), pollInterval, patience, true, func(context.Context) (bool, error) {
		select {
		case <-s.ended:
			return false, fmt.Errorf("it ended: %w", s.err)
		default:
		}
		code, _ := s.probe("/readyz")
		return code == http.StatusOK, nil
	})
	require.NoError(t, err, "the server is not ready: %s", s.readLog())
	// Behind a host that forwards users nobody needs the authority of clients' certificates, which the server may read from
	// the host a moment after it is ready.
	client := s.client()
	err = wait.PollUntilContextTimeout(t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		_, err := client.Resource(typeConfigs).Namespace(env.SystemNamespace).List(ctx, metav1.ListOptions{})
		if apierrors.IsUnauthorized(err) {
			return false, nil
		}
		return true, err
	})
	require.NoError(t, err, "the server does not know us: %s", s.readLog())
	return s
}

// launch starts a server and does not wait.
func launch(t *testing.T, dataDir string, args ...string) *server {
	t.Helper()
	path, err := executable()
	require.NoError(t, err)
	ports, err := loopback.FreePorts(1)
	require.NoError(t, err)
	host := env.Shared(t)
	s := &server{
		t: t, host: host, ended: make(chan struct{}),
		endpoint: "https://127.0.0.1:" + strconv.Itoa(ports[0]),
		log:      filepath.Join(t.TempDir(), "server.log"),
	}
	log, err := os.Create(s.log)
	require.NoError(t, err)
	s.command = exec.Command(path, append([]string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(ports[0]),
		"--kubeconfig=" + hostKubeconfig(host),
		"--data-dir=" + dataDir,
		"--embedded-etcd-unsafe-no-fsync",
	}, args...)...)
	s.command.Stdout, s.command.Stderr = log, log
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, s.command.Start())
	go func() {
		defer close(s.ended)
		s.err = errors.Join(s.command.Wait(), log.Close())
	}()
	t.Cleanup(func() {
		select {
		case <-s.ended:
		default:
			s.kill()
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.readLog())
		}
	})
	return s
}

func (s *server) kill() {
	require.NoError(s.t, s.command.Process.Kill())
	<-s.ended
}

// terminate asks the server to end, and waits until it has.
func (s *server) terminate() {
	s.t.Helper()
	require.NoError(s.t, s.command.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.ended:
		require.NoError(s.t, s.err)
	case <-time.After(patience):
		require.FailNow(s.t, "the server does not end")
	}
}

func (s *server) readLog() string {
	data, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// errors are the lines of the log that are errors.
func (s *server) errors() []string {
	var lines []string
	for line := range strings.Lines(s.readLog()) {
		if strings.HasPrefix(line, "E") {
			lines = append(lines, line)
		}
	}
	return lines
}

// probe asks as nobody.
func (s *server) probe(path string) (code int, body string) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec // a certificate made in memory
	}}
	response, err := client.Get(s.endpoint + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, err.Error()
	}
	return response.StatusCode, string(data)
}

// config is the host administrator's at this server.
func (s *server) config() *rest.Config {
	config := s.host.Host().Config()
	config.Host = s.endpoint
	config.QPS = -1
	config.Insecure = true
	config.CAData, config.CAFile = nil, ""
	return config
}

func (s *server) client() dynamic.Interface {
	s.t.Helper()
	client, err := dynamic.NewForConfig(s.config())
	require.NoError(s.t, err)
	return client
}
