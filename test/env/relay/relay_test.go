package relay

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// echo serves connections that send back what they get, until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func start(t *testing.T) *Relay {
	t.Helper()
	r, err := Listen("127.0.0.1:0", echo(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

func dial(t *testing.T, r *Relay) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.Address())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

func say(t *testing.T, conn net.Conn, line string) {
	t.Helper()
	_, err := io.WriteString(conn, line+"\n")
	require.NoError(t, err)
}

func hear(t *testing.T, conn net.Conn) string {
	t.Helper()
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	return line
}

func TestForwardsEverythingAndTheEndOfTheStream(t *testing.T) {
	conn := dial(t, start(t))
	sent := make([]byte, 3<<20)
	_, err := rand.Read(sent)
	require.NoError(t, err)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	received, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(sent, received))
}

func TestDropIsSilentAndLosesNothing(t *testing.T) {
	r := start(t)
	conn := dial(t, r)
	say(t, conn, "before")
	assert.Equal(t, "before\n", hear(t, conn))

	require.NoError(t, r.Set(Condition{Mode: Drop}))
	say(t, conn, "during")
	late := dial(t, r)
	say(t, late, "late")
	for _, silent := range []net.Conn{conn, late} {
		require.NoError(t, silent.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		_, err := silent.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, silent.SetReadDeadline(time.Now().Add(20*time.Second)))
	}

	require.NoError(t, r.Set(Condition{Mode: Forward}))
	assert.Equal(t, "during\n", hear(t, conn))
	assert.Equal(t, "late\n", hear(t, late))
}

func TestRefuseResetsOpenAndNewConnections(t *testing.T) {
	r := start(t)
	conn := dial(t, r)
	say(t, conn, "before")
	assert.Equal(t, "before\n", hear(t, conn))

	require.NoError(t, r.Set(Condition{Mode: Refuse}))
	_, err := conn.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "reset, not silent")
	// The reset may come while still connecting.
	fresh, err := net.Dial("tcp", r.Address())
	if err == nil {
		defer func() { _ = fresh.Close() }()
		require.NoError(t, fresh.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = fresh.Read(make([]byte, 1))
	}
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "reset, not silent")

	require.NoError(t, r.Set(Condition{Mode: Forward}))
	again := dial(t, r)
	say(t, again, "after")
	assert.Equal(t, "after\n", hear(t, again))
}

func TestDelayIsAddedInBothDirections(t *testing.T) {
	r := start(t)
	conn := dial(t, r)
	const delay = 60 * time.Millisecond
	require.NoError(t, r.Set(Condition{Mode: Forward, Delay: delay}))
	begin := time.Now()
	say(t, conn, "slow")
	assert.Equal(t, "slow\n", hear(t, conn))
	assert.GreaterOrEqual(t, time.Since(begin), 2*delay)
}

func TestCloseEndsSilentConnections(t *testing.T) {
	r, err := Listen("127.0.0.1:0", echo(t))
	require.NoError(t, err)
	conn := dial(t, r)
	say(t, conn, "before")
	assert.Equal(t, "before\n", hear(t, conn))
	require.NoError(t, r.Set(Condition{Mode: Drop}))
	say(t, conn, "stuck")
	require.NoError(t, r.Close())
	_, err = conn.Read(make([]byte, 1))
	assert.Error(t, err)
}

func TestUnknownModeIsAnError(t *testing.T) {
	assert.Error(t, start(t).Set(Condition{Mode: "Explode"}))
}
