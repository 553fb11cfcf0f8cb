package dns

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/loopback"
	"github.com/kubefederation/federation-apiserver/test/env/process"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	// zone is that of the walkthrough.
	zone    = "example.beta.banzaicloud.io"
	keyName = "external-dns"

	// buildLimit is for the first build of external-dns, and the installation of BIND.
	buildLimit = 25 * time.Minute
	startLimit = time.Minute
)

// servers are BIND, and external-dns that writes to it what the host has.
type servers struct {
	dir        string
	named, dig string
	port       int
	supervisor *process.Supervisor
}

// running are the servers of this test binary, once a test has asked for them.
var running struct {
	once sync.Once
	*servers
	err error
}

func TestMain(m *testing.M) {
	code := env.Run(m)
	if running.servers != nil {
		if err := running.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "end the DNS servers:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// sharedServers returns the servers, which it starts at the first call.
func sharedServers(t *testing.T, environment *env.Environment) *servers {
	t.Helper()
	running.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		running.servers, running.err = startServers(ctx, environment)
	})
	if running.err != nil {
		t.Fatalf("start the DNS servers: %v", running.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, name := range []string{"named", "external-dns"} {
				t.Logf("the last lines of the log of %s:\n%s", name, process.Tail(running.log(name), 30))
			}
		}
	})
	return running.servers
}

// prepared installs BIND and builds external-dns, where that has not been done, and returns the path of external-dns.
var prepared = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	repository, err := binaries.FindRepository()
	if err != nil {
		return "", err
	}
	install := exec.CommandContext(ctx, repository.Path("hack", "install-bind.sh"))
	install.Stdout, install.Stderr = os.Stderr, os.Stderr
	if err := install.Run(); err != nil {
		return "", fmt.Errorf("install BIND: %w", err)
	}
	return repository.ExternalDNS(ctx, progress.NewWriter(os.Stderr))
})

func startServers(ctx context.Context, environment *env.Environment) (*servers, error) {
	externalDNS, err := prepared()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "federation-dns-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s := &servers{dir: dir, named: find("named"), dig: find("dig")}
	if s.supervisor, err = process.NewSupervisor(s.path("processes.json"), process.Bound); err != nil {
		return s, err
	}
	ports, err := loopback.FreePorts(2)
	if err != nil {
		return s, err
	}
	s.port = ports[0]
	return s, s.start(ctx, environment, externalDNS, ports[1])
}

// find looks where a system's own programs are too.
func find(name string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", "/usr/bin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}

func (s *servers) path(name string) string { return filepath.Join(s.dir, name) }

func (s *servers) log(name string) string { return s.path(name + ".log") }

const namedConfig = `options {
	directory "%[1]s";
	pid-file "%[1]s/named.pid";
	session-keyfile "%[1]s/session.key";
	managed-keys-directory "%[1]s";
	listen-on port %[2]d { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
	notify no;
};
controls { };
key "%[3]s" { algorithm hmac-sha256; secret "%[4]s"; };
zone "%[5]s" {
	type primary;
	file "zone.db";
	allow-update { key "%[3]s"; };
	allow-transfer { key "%[3]s"; };
};
`

const zoneFile = `$TTL 60
@ IN SOA ns.%[1]s. hostmaster.%[1]s. (1 3600 600 86400 1)
@ IN NS ns.%[1]s.
ns IN A 127.0.0.1
`

func (s *servers) start(ctx context.Context, environment *env.Environment, externalDNS string, metricsPort int) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	key := base64.StdEncoding.EncodeToString(secret)
	for name, content := range map[string]string{
		"named.conf": fmt.Sprintf(namedConfig, s.dir, s.port, keyName, key, zone),
		"zone.db":    fmt.Sprintf(zoneFile, zone),
	} {
		if err := os.WriteFile(s.path(name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	for _, spec := range []process.Spec{
		{Name: "named", Path: s.named, Args: []string{"-g", "-n", "1", "-c", s.path("named.conf")}},
		{
			Name: "external-dns", Path: externalDNS,
			Args: []string{
				"--source=crd", "--kubeconfig=" + environment.Host().Kubeconfig(),
				"--provider=rfc2136", "--rfc2136-host=127.0.0.1", "--rfc2136-port=" + strconv.Itoa(s.port), "--rfc2136-zone=" + zone,
				"--rfc2136-tsig-keyname=" + keyName, "--rfc2136-tsig-secret-alg=hmac-sha256", "--rfc2136-tsig-axfr",
				"--domain-filter=" + zone, "--policy=sync", "--registry=txt", "--txt-owner-id=federation",
				"--interval=1s", "--metrics-address=127.0.0.1:" + strconv.Itoa(metricsPort), "--log-level=debug",
			},
			Env: []string{"EXTERNAL_DNS_RFC2136_TSIG_SECRET=" + key},
		},
	} {
		spec.Dir, spec.Log = s.dir, s.log(spec.Name)
		if err := s.supervisor.Define(spec); err != nil {
			return err
		}
		if err := s.supervisor.Start(ctx, spec.Name); err != nil {
			return err
		}
		if spec.Name != "named" {
			continue
		}
		err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
			if answers, err := s.ask(ctx, "ns."+zone, "A"); err == nil && len(answers) == 1 {
				return true, nil
			}
			return false, s.supervisor.Check(spec.Name)
		})
		if err != nil {
			return fmt.Errorf("wait for named: %w", err)
		}
	}
	return nil
}

func (s *servers) stop() error {
	if s.supervisor != nil {
		if err := s.supervisor.KillAll(context.Background()); err != nil {
			return err
		}
	}
	return os.RemoveAll(s.dir)
}

// answer is a line of the answer section.
type answer struct {
	name  string
	ttl   int
	kind  string
	value string
}

func (a answer) String() string { return a.name + " " + a.kind + " " + a.value }

// ask asks BIND with dig, and returns the answer section: a CNAME is followed as far as the zone knows.
func (s *servers) ask(ctx context.Context, name, kind string) ([]answer, error) {
	output, err := exec.CommandContext(ctx, s.dig, "@127.0.0.1", "-p", strconv.Itoa(s.port), "+norecurse", "+tries=1", "+time=5",
		"+noall", "+answer", "-q", name, "-t", kind).Output()
	if err != nil {
		return nil, fmt.Errorf("dig %s %s: %w: %s", name, kind, err, output)
	}
	var answers []answer
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) < 5 || strings.HasPrefix(line, ";") {
			continue
		}
		ttl, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("dig %s %s: %q", name, kind, line)
		}
		answers = append(answers, answer{name: strings.TrimSuffix(fields[0], "."), ttl: ttl, kind: fields[3], value: strings.TrimSuffix(fields[4], ".")})
	}
	return answers, nil
}
