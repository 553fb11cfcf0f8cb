package env

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kubefederation/federation-apiserver/test/env/filelock"
	"github.com/kubefederation/federation-apiserver/test/env/process"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// Variable names the folders of running environments that tests shall use instead of starting one each, separated as in
// PATH. Each test binary has one of them at a time.
const Variable = "FEDERATION_TEST_ENV"

// sharedLimit bounds how long a test binary may wait for its turn or its environment.
const sharedLimit = 20 * time.Minute

// SharedOptions are those of an environment that test packages share.
func SharedOptions() Options {
	return Options{Members: []string{"cluster1", "cluster2", "cluster3"}}
}

// shared is the environment of this test binary, once a test has asked for it.
var shared struct {
	once        sync.Once
	environment *Environment
	lock        *filelock.Lock
	err         error
}

// Shared returns the environment of this test run. It is one that Variable names, of which this test binary has the
// exclusive use until it ends, or else one of its own, started at the first call and ended by Run. Members are cluster1
// to cluster3. A test leaves it as it found it. With -short the test is skipped.
func Shared(t testing.TB) *Environment {
	t.Helper()
	if testing.Short() {
		t.Skip("needs real clusters: not with -short")
	}
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), sharedLimit)
		defer cancel()
		shared.environment, shared.err = obtain(ctx)
	})
	if shared.err != nil {
		t.Fatalf("start the test environment: %v", shared.err)
	}
	environment := shared.environment
	t.Cleanup(func() {
		if t.Failed() && environment.federation != nil {
			t.Logf("the last lines of the federation server's log:\n%s", process.Tail(environment.federation.Log(), failureLines))
		}
	})
	return environment
}

// failureLines is how much of the server's log a failed test shows. FEDERATION_TEST_KEEP keeps all logs.
const failureLines = 40

// testsAtOnce is how many parallel tests run where -parallel does not say otherwise: they wait for clusters rather than
// work, whatever the number of processors is.
const testsAtOnce = 6

// Run runs the tests of a package that uses Shared, and cleans up: func TestMain(m *testing.M) { os.Exit(env.Run(m)) }.
func Run(m *testing.M) int {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		if err := parallel.Value.Set(strconv.Itoa(testsAtOnce)); err != nil {
			fmt.Fprintln(os.Stderr, "run tests side by side:", err)
			return 1
		}
	}
	code := m.Run()
	if err := release(); err != nil {
		fmt.Fprintln(os.Stderr, "end the test environment:", err)
		return max(code, 1)
	}
	return code
}

func obtain(ctx context.Context) (*Environment, error) {
	dirs := filepath.SplitList(os.Getenv(Variable))
	if len(dirs) == 0 {
		options := SharedOptions()
		options.Progress = progress.NewWriter(os.Stderr)
		return Start(ctx, options)
	}
	// Tests stop members and restart the server, so packages take turns.
	turns := make([]string, len(dirs))
	for i, dir := range dirs {
		turns[i] = filepath.Join(dir, "turn.lock")
	}
	lock, i, err := filelock.AcquireAny(ctx, turns...)
	if err != nil {
		return nil, err
	}
	environment, err := Attach(dirs[i])
	if err == nil {
		// A package that failed may have left members stopped or cut off.
		err = environment.Restore(ctx)
	}
	if err != nil {
		lock.Release()
		return nil, err
	}
	shared.lock = lock
	return environment, nil
}

func release() error {
	if shared.lock != nil {
		shared.lock.Release()
		return nil
	}
	if shared.environment != nil {
		return shared.environment.Stop(context.Background())
	}
	return nil
}
