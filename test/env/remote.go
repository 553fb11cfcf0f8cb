package env

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/kubefederation/federation-apiserver/test/env/process"
	"github.com/kubefederation/federation-apiserver/test/env/relay"
)

// call is one request to the owner of an environment.
type call struct {
	Verb      string          `json:"verb"`
	Name      string          `json:"name,omitempty"`
	Spec      process.Spec    `json:"spec,omitzero"`
	Condition relay.Condition `json:"condition,omitzero"`
}

// answer is the owner's reply.
type answer struct {
	Error string `json:"error,omitempty"`
	PID   int    `json:"pid,omitempty"`
}

// Serve lets other programs act on the environment through a socket in its folder until the context ends.
func (e *Environment) Serve(ctx context.Context) error {
	path := filepath.Join(e.dir, controlSocket)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("serve the environment: %w", err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var c call
			if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			reply := answer{}
			pid, err := dispatch(r.Context(), e.backend, c)
			if err != nil {
				reply.Error = err.Error()
			}
			reply.PID = pid
			// A caller that went away does not read it.
			_ = json.NewEncoder(w).Encode(reply)
		}),
	}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the environment: %w", err)
	}
	return nil
}

func dispatch(ctx context.Context, b backend, c call) (pid int, err error) {
	switch c.Verb {
	case "define":
		return 0, b.Define(ctx, c.Spec)
	case "start":
		return 0, b.Start(ctx, c.Name)
	case "stop":
		return 0, b.Stop(ctx, c.Name)
	case "kill":
		return 0, b.Kill(ctx, c.Name)
	case "freeze":
		return 0, b.Freeze(ctx, c.Name)
	case "thaw":
		return 0, b.Thaw(ctx, c.Name)
	case "check":
		return 0, b.Check(ctx, c.Name)
	case "pid":
		return b.PID(ctx, c.Name)
	case "network":
		return 0, b.Network(ctx, c.Name, c.Condition)
	}
	return 0, fmt.Errorf("unknown verb %q", c.Verb)
}

// remote is the backend of a program that attached to another's environment.
type remote struct {
	client *http.Client
}

var _ backend = &remote{}

func newRemote(dir string) *remote {
	path := filepath.Join(dir, controlSocket)
	return &remote{client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", path)
		},
	}}}
}

func (r *remote) do(ctx context.Context, c call) (answer, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", c.Verb, c.Name, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://environment/", bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", c.Verb, c.Name, err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: the environment's owner does not answer: %w", c.Verb, c.Name, err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", c.Verb, c.Name, err)
	}
	var reply answer
	if err := json.Unmarshal(data, &reply); err != nil {
		return answer{}, fmt.Errorf("%s %s: answer %q: %w", c.Verb, c.Name, data, err)
	}
	if reply.Error != "" {
		return answer{}, errors.New(reply.Error)
	}
	return reply, nil
}

func (r *remote) Define(ctx context.Context, spec process.Spec) error {
	_, err := r.do(ctx, call{Verb: "define", Name: spec.Name, Spec: spec})
	return err
}

func (r *remote) Start(ctx context.Context, name string) error {
	_, err := r.do(ctx, call{Verb: "start", Name: name})
	return err
}

func (r *remote) Stop(ctx context.Context, name string) error {
	_, err := r.do(ctx, call{Verb: "stop", Name: name})
	return err
}

func (r *remote) Kill(ctx context.Context, name string) error {
	_, err := r.do(ctx, call{Verb: "kill", Name: name})
	return err
}

func (r *remote) Freeze(ctx context.Context, name string) error {
	_, err := r.do(ctx, call{Verb: "freeze", Name: name})
	return err
}

func (r *remote) Thaw(ctx context.Context, name string) error {
	_, err := r.do(ctx, call{Verb: "thaw", Name: name})
	return err
}

func (r *remote) Check(ctx context.Context, name string) error {
	_, err := r.do(ctx, call{Verb: "check", Name: name})
	return err
}

func (r *remote) PID(ctx context.Context, name string) (int, error) {
	reply, err := r.do(ctx, call{Verb: "pid", Name: name})
	return reply.PID, err
}

func (r *remote) Network(ctx context.Context, member string, condition relay.Condition) error {
	_, err := r.do(ctx, call{Verb: "network", Name: member, Condition: condition})
	return err
}
