package proxy

import (
	"bufio"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	spdytransport "k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// hijacked answers with bytes that the library would not send.
func hijacked(t *testing.T, w http.ResponseWriter, text string) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if !assert.NoError(t, err) {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(buffer, text)
	_ = buffer.Flush()
}

// upgrading serves its requests by HTTP/1.1, which can be taken out of the library's hands.
func upgrading(path string) []string {
	return []string{"POST " + prefix + path + " HTTP/1.1", "Connection: Upgrade", "Upgrade: SPDY/3.1", "Content-Length: 0"}
}

func TestRedirectsOfAMemberAreNotPassedOn(t *testing.T) {
	var stolen atomic.Bool
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Store(true) }))
	t.Cleanup(thief.Close)
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, map[string]int{"/301": 301, "/302": 302, "/303": 303, "/307": 307, "/308": 308}[r.URL.Path])
	})
	for _, path := range []string{"/301", "/302", "/303", "/307", "/308"} {
		response := f.get(path)
		assert.Empty(t, response.Header.Get("Location"))
		assert.EqualValues(t, http.StatusBadGateway, status(t, response).Code, path)
		response, _ = f.raw(upgrading(path)...)
		assert.EqualValues(t, http.StatusBadGateway, status(t, response).Code, path)
	}
	assert.False(t, stolen.Load())
}

func TestAFailedUpgradeLeavesNoConnection(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		code   int
	}{
		"another protocol":        {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nraw bytes", http.StatusBadGateway},
		"no protocol":             {"HTTP/1.1 101 Switching Protocols\r\n\r\nraw bytes", http.StatusBadGateway},
		"an ordinary answer":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", http.StatusBadGateway},
		"garbage":                 {"SSH-2.0-OpenSSH_9.6\r\n", http.StatusBadGateway},
		"nothing":                 {"", http.StatusBadGateway},
		"a refusal, and then raw": {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nraw!!", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, func(w http.ResponseWriter, _ *http.Request) { hijacked(t, w, test.answer) })
			response, rest := f.raw(upgrading("/api")...)
			assert.Equal(t, test.code, response.StatusCode)
			if test.code == http.StatusBadGateway {
				status(t, response)
			} else {
				assert.Equal(t, "no", body(t, response))
			}
			assert.True(t, response.Close, "the connection ends")
			left, _ := io.ReadAll(rest)
			assert.Empty(t, left, "nothing of the member's comes after the answer")
		})
	}
}

func TestAnUpgradeThatNobodyAskedForIsRefused(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		hijacked(t, w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nraw bytes")
	})
	plain := serveHTTP1(t, f)
	assert.EqualValues(t, http.StatusBadGateway, status(t, plain.get("/api")).Code)
}

// serveHTTP1 is f with a member that speaks HTTP/1.1 only.
func serveHTTP1(t *testing.T, f *fixture) *fixture {
	t.Helper()
	backend := httptest.NewTLSServer(f.backend.Config.Handler)
	t.Cleanup(backend.Close)
	f.cluster.Spec.APIEndpoint = backend.URL
	f.cluster.Spec.CABundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw})
	return f
}

func TestSPDYStreamsReachTheMember(t *testing.T) {
	f := serve(t, echoStreams)
	// The way to the member may itself lead through a proxy.
	var tunnels atomic.Int32
	tunnel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tunnels.Add(1)
		connect(t, w, r)
	}))
	t.Cleanup(tunnel.Close)
	for _, through := range []string{"", tunnel.URL} {
		f.cluster.Spec.ProxyURL = through
		roundTripper, upgrader, err := spdytransport.RoundTripperFor(&rest.Config{Host: f.front.URL})
		require.NoError(t, err)
		address, err := url.Parse(f.front.URL + prefix + "/api/v1/namespaces/a/pods/b/exec?command=cat")
		require.NoError(t, err)
		dialer := spdytransport.NewDialer(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, address)
		conn, protocol, err := dialer.Dial("echo")
		require.NoError(t, err)
		assert.Equal(t, "echo", protocol)
		stream, err := conn.CreateStream(http.Header{})
		require.NoError(t, err)
		lines := bufio.NewReader(stream)
		for _, line := range []string{"one\n", "two\n"} {
			_, err = io.WriteString(stream, line)
			require.NoError(t, err)
			got, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, line, got)
		}
		require.NoError(t, conn.Close())
	}
	assert.EqualValues(t, 1, tunnels.Load())
}

// echoStreams returns what it gets in each stream of a SPDY connection.
func echoStreams(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{"echo"}); err != nil {
		return
	}
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, _ <-chan struct{}) error {
		go func() { _, _ = io.Copy(stream, stream) }()
		return nil
	})
	if conn != nil {
		<-conn.CloseChan()
	}
}

// connect is a proxy for connections.
func connect(t *testing.T, w http.ResponseWriter, r *http.Request) {
	if !assert.Equal(t, http.MethodConnect, r.Method) {
		return
	}
	backend, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if !assert.NoError(t, err) {
		return
	}
	defer backend.Close()
	w.WriteHeader(http.StatusOK)
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if !assert.NoError(t, err) {
		return
	}
	defer conn.Close()
	ended := make(chan struct{}, 2)
	for _, way := range []struct {
		to   io.Writer
		from io.Reader
	}{{backend, buffer}, {conn, backend}} {
		go func() {
			_, _ = io.Copy(way.to, way.from)
			ended <- struct{}{}
		}()
	}
	<-ended
}

func TestWebSocketsReachTheMember(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{
			"v5.channel.k8s.io": {Binary: true, Channels: []wsstream.ChannelType{wsstream.ReadWriteChannel}},
		})
		_, channels, err := conn.Open(w, r)
		if !assert.NoError(t, err) {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.Copy(channels[0], channels[0])
	})
	roundTripper, holder, err := websocket.RoundTripperFor(&rest.Config{Host: f.front.URL})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.front.URL+prefix+"/api/v1/namespaces/a/pods/b/exec", nil)
	require.NoError(t, err)
	conn, err := websocket.Negotiate(roundTripper, holder, req, "v5.channel.k8s.io")
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	// The first byte names the channel.
	require.NoError(t, conn.WriteMessage(2, []byte("\x00hello")))
	for {
		_, message, err := conn.ReadMessage()
		require.NoError(t, err)
		if len(message) > 1 {
			require.Equal(t, "\x00hello", string(message))
			return
		}
	}
}

func TestRefusalsOfAMemberAreExplained(t *testing.T) {
	answers := map[string]struct {
		code int
		text string
	}{
		"/impersonate": {http.StatusForbidden, `{"kind":"Status","message":"users \"jane\" is forbidden: User \"federation\" cannot impersonate resource \"users\""}`},
		"/bounded":     {http.StatusForbidden, `{"kind":"Status","message":"pods is forbidden: User \"federation\" cannot impersonate-on:user-info:list resource \"pods\""}`},
		"/own":         {http.StatusForbidden, `{"kind":"Status","message":"pods is forbidden: User \"jane\" cannot list resource \"pods\""}`},
		"/token":       {http.StatusUnauthorized, `{"kind":"Status","message":"Unauthorized"}`},
	}
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Www-Authenticate", "Basic")
		w.WriteHeader(answers[r.URL.Path].code)
		_, _ = io.WriteString(w, answers[r.URL.Path].text)
	})

	for _, path := range []string{"/impersonate", "/bounded"} {
		refused := status(t, f.get(path))
		assert.EqualValues(t, http.StatusForbidden, refused.Code)
		assert.Contains(t, refused.Message, "kubectl fed join odd --allow-proxy")
	}

	response := f.get("/own")
	assert.Equal(t, http.StatusForbidden, response.StatusCode)
	assert.Equal(t, answers["/own"].text, body(t, response), "the member's own word is the user's to read")
	assert.Empty(t, response.Header.Get("Www-Authenticate"))

	refused := status(t, f.get("/token"))
	assert.EqualValues(t, http.StatusServiceUnavailable, refused.Code, "it is not the user whom the member does not know")
	assert.Contains(t, refused.Message, "the federation's own credentials")
}

func TestADeadMemberIsSaidToBeDead(t *testing.T) {
	f := serve(t, echo)
	f.backend.Close()
	for range 3 {
		assert.EqualValues(t, http.StatusBadGateway, status(t, f.get("/api")).Code)
	}
	refused := status(t, f.get("/api"))
	assert.EqualValues(t, http.StatusServiceUnavailable, refused.Code, "it is not even tried")
	assert.Contains(t, refused.Message, "did not answer 3 times")
}
