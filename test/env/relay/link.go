package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	chunkBytes = 32 << 10
	// inFlight bounds what a slow network holds per direction; beyond it the sender feels back-pressure.
	inFlight = 64
)

// link is one forwarded connection.
type link struct {
	relay  *Relay
	client net.Conn

	mu     sync.Mutex
	server net.Conn
	closed bool
}

// chunk is data on its way; due is when a delayed network would deliver it.
type chunk struct {
	data []byte
	due  time.Time
}

func (l *link) dial(ctx context.Context) error {
	if _, err := l.relay.pass(ctx); err != nil {
		return err
	}
	target, err := l.relay.target()
	if err != nil {
		return err
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = server.Close()
		return net.ErrClosed
	}
	l.server = server
	return nil
}

// run forwards both directions until both have ended.
func (l *link) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var directions sync.WaitGroup
	for _, direction := range [][2]net.Conn{{l.client, l.server}, {l.server, l.client}} {
		directions.Go(func() {
			if err := l.copy(ctx, direction[0], direction[1]); err != nil {
				l.reset()
				// The other direction may be waiting for a silent network, not for its connection.
				cancel()
			}
		})
	}
	directions.Wait()
	l.close(false)
}

// copy forwards one direction. A regular end of the stream is passed on as such.
func (l *link) copy(ctx context.Context, from, to net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan chunk, inFlight)
	var reader sync.WaitGroup
	var readErr error
	reader.Go(func() {
		defer close(chunks)
		readErr = l.read(ctx, from, chunks)
	})
	err := l.write(ctx, to, chunks)
	if err != nil {
		cancel()
		// Unblocks the reader.
		_ = from.Close()
	}
	reader.Wait()
	if err = errors.Join(err, readErr); err != nil {
		return err
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (l *link) read(ctx context.Context, from net.Conn, chunks chan<- chunk) error {
	for {
		buffer := make([]byte, chunkBytes)
		n, err := from.Read(buffer)
		if n > 0 {
			condition, _ := l.relay.current()
			select {
			case chunks <- chunk{data: buffer[:n], due: time.Now().Add(condition.Delay)}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (l *link) write(ctx context.Context, to net.Conn, chunks <-chan chunk) error {
	for next := range chunks {
		if wait := time.Until(next.due); wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			}
		}
		if _, err := l.relay.pass(ctx); err != nil {
			return err
		}
		if _, err := to.Write(next.data); err != nil {
			return err
		}
	}
	// The end of the stream is a packet too: a silent network holds it back.
	_, err := l.relay.pass(ctx)
	return err
}

// reset ends the connection as a broken network does: what is still under way is lost.
func (l *link) reset() {
	l.close(true)
}

func (l *link) close(abruptly bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, conn := range []net.Conn{l.client, l.server} {
		if conn == nil {
			continue
		}
		if tcp, ok := conn.(*net.TCPConn); ok && abruptly {
			// Failing means that it is closed already, and so does failing to close.
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}
