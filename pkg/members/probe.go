package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/version"
)

// Limits of what is read of an answer to a probe, in bytes: a member is not trusted.
const (
	healthLimit  = 1 << 10
	versionLimit = 64 << 10
)

// ConfigurationError returns what is wrong with the configuration of the member,
// in words for its status; nil when a connection could be built.
func (m *Member) ConfigurationError() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.malformed
}

// probed returns the connection for a probe, which goes out whatever is known of
// the member's health.
func (m *Member) probed() (*connection, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.ctx.Err() != nil:
		return nil, errRemoved
	case m.malformed != nil:
		return nil, m.malformed
	}
	return m.conn, nil
}

// Probe asks the member for its health. When it answers, healthy says whether
// with "ok", and answer repeats what it said otherwise, in a few words. err is not
// nil when it cannot be reached before ctx ends.
func (m *Member) Probe(ctx context.Context) (healthy bool, answer string, err error) {
	status, body, err := m.get(ctx, "/healthz", healthLimit)
	if err != nil {
		return false, "", err
	}
	text := strings.TrimSpace(string(body))
	if status == http.StatusOK && strings.EqualFold(text, "ok") {
		return true, "", nil
	}
	return false, fmt.Sprintf("%d %s", status, http.StatusText(status)), nil
}

// Version returns the Kubernetes version of the member, such as v1.37.1.
func (m *Member) Version(ctx context.Context) (string, error) {
	status, body, err := m.get(ctx, "/version", versionLimit)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("member %s: /version was answered with %d %s", m.name, status, http.StatusText(status))
	}
	var info version.Info
	if err := json.Unmarshal(body, &info); err != nil {
		return "", fmt.Errorf("member %s: reading /version: %w", m.name, err)
	}
	if len(info.GitVersion) > 128 {
		return "", fmt.Errorf("member %s: its version is longer than 128 characters", m.name)
	}
	return info.GitVersion, nil
}

// get reads up to limit bytes at a path of the member.
func (m *Member) get(ctx context.Context, path string, limit int64) (status int, body []byte, err error) {
	conn, err := m.probed()
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(probing(ctx), http.MethodGet, conn.endpoint.JoinPath(path).String(), nil)
	if err != nil {
		return 0, nil, fmt.Errorf("member %s: %w", m.name, err)
	}
	response, err := conn.http.Do(request)
	if err != nil {
		return 0, nil, m.probeError(ctx, err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return 0, nil, m.probeError(ctx, err)
	}
	return response.StatusCode, body, nil
}

func (m *Member) probeError(ctx context.Context, err error) error {
	err = plain(err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &TimeoutError{Member: m.name, Err: context.DeadlineExceeded}
	}
	return err
}
