package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/rest"
)

// profileLength is how much of a phase is profiled.
const profileLength = 5 * time.Second

// profile records what the server's processor time goes to from now on, as a
// pprof file named after the phase. The function that it returns waits for the
// end of the record.
func (b *bench) profile(ctx context.Context, op operation) (wait func() error, err error) {
	client, err := b.serverClient()
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- b.record(ctx, client, op) }()
	return func() error { return <-done }, nil
}

func (b *bench) record(ctx context.Context, client rest.Interface, op operation) error {
	data, err := client.Get().AbsPath("/debug/pprof/profile").
		Param("seconds", strconv.Itoa(int(profileLength.Seconds()))).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("profile the server: %w", err)
	}
	if err := os.MkdirAll(b.output, 0o755); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.output, string(op)+".pprof"), data, 0o644); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}
