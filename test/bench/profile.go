package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// profileLength is how much of a phase is profiled.
const profileLength = 12 * time.Second

// profiles are what is recorded of a phase, by the ending of the file's name.
var profiles = map[string]string{
	".pprof":        "/debug/pprof/profile",
	".allocs.pprof": "/debug/pprof/allocs",
}

// profileMember records what the processor time of a member's API server goes to
// from now on.
func (b *bench) profileMember(ctx context.Context, name string) (wait func() error, err error) {
	member := b.env.Members()[0]
	client, err := rawClient(member.Config())
	if err != nil {
		return nil, err
	}
	var recording errgroup.Group
	recording.Go(func() error {
		return b.record(ctx, client, profiles[".pprof"], name+"."+member.Name()+".pprof")
	})
	return recording.Wait, nil
}

// profile records what the server's processor time goes to and what it allocates
// from now on, as pprof files that begin with a name. The function that it returns
// waits for the end of the record.
func (b *bench) profile(ctx context.Context, name string) (wait func() error, err error) {
	client, err := b.serverClient()
	if err != nil {
		return nil, err
	}
	var recording errgroup.Group
	for ending, path := range profiles {
		recording.Go(func() error { return b.record(ctx, client, path, name+ending) })
	}
	return recording.Wait, nil
}

// heapProfile records what the server's live heap consists of.
func (b *bench) heapProfile(ctx context.Context, name string) error {
	client, err := b.serverClient()
	if err != nil {
		return err
	}
	data, err := client.Get().AbsPath("/debug/pprof/heap").Param("gc", "1").DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("profile the server's heap: %w", err)
	}
	return b.keep(data, name+".heap.pprof")
}

func (b *bench) record(ctx context.Context, client rest.Interface, path, file string) error {
	data, err := client.Get().AbsPath(path).
		Param("seconds", strconv.Itoa(int(profileLength.Seconds()))).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("profile the server: %w", err)
	}
	return b.keep(data, file)
}

// keep writes a profile into the folder of the results.
func (b *bench) keep(data []byte, file string) error {
	if err := os.MkdirAll(b.output, 0o755); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.output, file), data, 0o644); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}
