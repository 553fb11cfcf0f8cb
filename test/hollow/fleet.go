package hollow

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

// Fleet is a number of members that are reached by one address, each under a path
// of its own.
type Fleet struct {
	address   string
	authority []byte
	server    *http.Server
	contents  *contents
	applied   applied
	serving   sync.WaitGroup

	mu      sync.RWMutex
	members map[string]*Member
}

// Start serves on a free port of the loopback interface until Close.
func Start() (*Fleet, error) {
	authority, err := pki.NewAuthority("hollow-ca")
	if err != nil {
		return nil, err
	}
	pair, err := authority.Server("hollow", "localhost", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the hollow members: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the hollow members: %w", err)
	}
	f := &Fleet{
		address: listener.Addr().String(), authority: authority.CertificatePEM(),
		contents: newContents(), members: map[string]*Member{},
	}
	f.server = &http.Server{
		Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13},
		// What a client does to its connection is the client's to tell.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	f.serving.Go(func() {
		// It ends by Close only.
		_ = f.server.ServeTLS(listener, "", "")
	})
	return f, nil
}

// Close ends all members and their connections.
func (f *Fleet) Close() error {
	err := f.server.Close()
	f.mu.Lock()
	for _, m := range f.members {
		m.stop()
	}
	f.mu.Unlock()
	f.serving.Wait()
	if err != nil {
		return fmt.Errorf("close the hollow members: %w", err)
	}
	return nil
}

// Add adds an empty member. It has the namespaces default and kube-system.
func (f *Fleet) Add(name string) (*Member, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "" || strings.ContainsRune(name, '/') || f.members[name] != nil {
		return nil, fmt.Errorf("a hollow member needs a name of its own, which %q is not", name)
	}
	m, err := newMember(f, name)
	if err != nil {
		return nil, err
	}
	f.members[name] = m
	return m, nil
}

var errUnknownMember = errors.New("no such member")

func (f *Fleet) serve(w http.ResponseWriter, r *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.mu.RLock()
	m := f.members[name]
	f.mu.RUnlock()
	if m == nil {
		http.Error(w, errUnknownMember.Error(), http.StatusNotFound)
		return
	}
	r.URL.Path, r.URL.RawPath = "/"+rest, ""
	m.ServeHTTP(w, r)
}
