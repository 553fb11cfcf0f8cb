package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shown bounds how much of a failure is printed; all of it is in the folder.
const shown = 20

// check ends the test with everything that is known, if there is an error.
func (s *soak) check(t *testing.T, failure error) {
	t.Helper()
	if failure == nil {
		return
	}
	dir, err := s.report(context.WithoutCancel(t.Context()), failure)
	if err != nil {
		t.Logf("the report of the failure is not complete: %v", err)
	}
	lines := strings.Split(failure.Error(), "\n")
	if len(lines) > shown {
		lines = append(lines[:shown], "...")
	}
	t.Fatalf("%s\n\nafter %d faults; history, objects and audit logs are in %s\nreplay: go test ./test/soak -count=1 -timeout=0 -v -args -soak.seed=%d -soak.faults=%d -soak.members=%d",
		strings.Join(lines, "\n"), s.faults.total, dir, s.seed, *faultsFlag, len(s.names))
}

// report writes what is known of a failure.
func (s *soak) report(ctx context.Context, failure error) (string, error) {
	dir := *reportFlag
	if dir == "" {
		made, err := os.MkdirTemp("", "soak-")
		if err != nil {
			return "", err
		}
		dir = made
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dir, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := os.WriteFile(filepath.Join(dir, "failure.txt"), fmt.Appendf(nil, "seed %d\n%v\n", s.seed, failure), 0o600); err != nil {
		return dir, err
	}
	if err := s.history.write(dir); err != nil {
		return dir, err
	}
	for _, l := range s.audits {
		var lines []string
		for _, event := range l.last {
			lines = append(lines, describe(event))
		}
		if err := os.WriteFile(filepath.Join(dir, l.member+"-writes.txt"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			return dir, err
		}
		copies, err := s.copiesIn(ctx, l.member)
		if err != nil {
			return dir, err
		}
		if err := writeObjects(filepath.Join(dir, l.member+"-copies.json"), copies); err != nil {
			return dir, err
		}
	}
	if err := s.copyLog(dir); err != nil {
		return dir, err
	}
	stored, err := s.resolve(ctx)
	if err != nil {
		return dir, err
	}
	return dir, writeObjects(filepath.Join(dir, "federated.json"), stored)
}

func (s *soak) copyLog(dir string) error {
	data, err := os.ReadFile(s.Federation().Log())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "federation-apiserver.log"), data, 0o600)
}

// writeObjects stores objects by key, without Secrets' own marshalling: they hold nothing but random numbers.
func writeObjects[V any](path string, objects map[key]V) error {
	named := map[string]V{}
	for k, object := range objects {
		if strings.HasPrefix(k.Namespace, "soak") {
			named[k.String()] = object
		}
	}
	data, err := json.MarshalIndent(named, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
