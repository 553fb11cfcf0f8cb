package credentials_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/credentials"
)

func token(t require.TestingT, claims map[string]any) string {
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	return "e30." + base64.RawURLEncoding.EncodeToString(payload) + ".c2ln"
}

const subject = "system:serviceaccount:system:cluster1-host"

func TestRead(t *testing.T) {
	got := credentials.Read(token(t, map[string]any{"sub": subject, "iat": 1000, "exp": 4600}))
	require.Equal(t, credentials.Token{Namespace: "system", ServiceAccount: "cluster1-host", Issued: time.Unix(1000, 0), Expires: time.Unix(4600, 0)}, got)
	for name, text := range map[string]string{
		"nothing": "", "no JWT": "opaque", "two parts": "a.b", "no base64": "a.!.c", "no JSON": "a." + base64.RawURLEncoding.EncodeToString([]byte("[1")) + ".c",
		"too long": strings.Repeat("a", credentials.MaxTokenBytes) + ".e30.a", "claims of other types": token(t, map[string]any{"sub": 1, "exp": "x"}),
	} {
		require.Zero(t, credentials.Read(text), name)
	}
	require.Zero(t, credentials.Read(token(t, map[string]any{"exp": -1})).Expires)
	require.Zero(t, credentials.Read(token(t, map[string]any{"exp": 1e300})).Expires)
	require.Empty(t, credentials.Read(token(t, map[string]any{"sub": "admin"})).ServiceAccount)
}

// A token is renewed once two thirds of its life have passed, and not before.
func TestDueAtTwoThirds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		issued := rapid.Int64Range(1, 4e9).Draw(t, "issued")
		life := rapid.Int64Range(600, 1e8).Draw(t, "life")
		asked := time.Duration(rapid.Int64Range(1, 1e8).Draw(t, "asked")) * time.Second
		p := credentials.PlanFor(token(t, map[string]any{"sub": subject, "iat": issued, "exp": issued + life}),
			map[string]string{corev1beta1.TokenLifetimeAnnotation: asked.String()})
		require.Equal(t, asked, p.Lifetime, "what is asked for next, however much was granted")
		third := time.Duration(life) * time.Second / 3
		expires := time.Unix(issued+life, 0)
		require.False(t, p.Due(expires.Add(-third-time.Second)))
		require.True(t, p.Due(expires.Add(-third)))
		require.False(t, p.Expired(expires.Add(-time.Nanosecond)))
		require.True(t, p.Expired(expires))
		require.False(t, p.Expiring(expires), "that is for tokens that nobody renews")
	})
}

func TestOnlyWhatAsksForItIsRenewed(t *testing.T) {
	now := time.Unix(10_000, 0)
	ours := map[string]string{corev1beta1.TokenLifetimeAnnotation: "1h"}
	bound := map[string]any{"sub": subject, "iat": 1000, "exp": 9000}
	for name, test := range map[string]struct {
		claims      map[string]any
		annotations map[string]string
		due         bool
	}{
		"ours":                     {bound, ours, true},
		"somebody else's":          {bound, nil, false},
		"without an end":           {map[string]any{"sub": subject}, ours, false},
		"not of a service account": {map[string]any{"sub": "me", "exp": 9000}, ours, false},
		"with another annotation":  {bound, map[string]string{corev1beta1.TokenLifetimeAnnotation: "soon"}, false},
		"for no time at all":       {bound, map[string]string{corev1beta1.TokenLifetimeAnnotation: "0s"}, false},
	} {
		require.Equal(t, test.due, credentials.PlanFor(token(t, test.claims), test.annotations).Due(now), name)
	}
}

func TestRenewalCanBeAskedForAndNotPutOff(t *testing.T) {
	text := token(t, map[string]any{"sub": subject, "iat": 0, "exp": 9000})
	plan := func(at string) credentials.Plan {
		return credentials.PlanFor(text, map[string]string{corev1beta1.TokenLifetimeAnnotation: "2h30m", corev1beta1.RenewTokenAtAnnotation: at})
	}
	require.True(t, plan("1970-01-01T00:00:10Z").Due(time.Unix(10, 0)))
	require.False(t, plan("1970-01-01T00:00:10Z").Due(time.Unix(9, 0)))
	require.True(t, plan("2999-01-01T00:00:00Z").Due(time.Unix(6000, 0)))
	require.False(t, plan("now").Due(time.Unix(5999, 0)))
}

func TestExpiringIsATokenThatNobodyRenews(t *testing.T) {
	p := credentials.PlanFor(token(t, map[string]any{"sub": subject, "iat": 1, "exp": 9001}), nil)
	require.False(t, p.Expiring(time.Unix(6000, 0)))
	require.True(t, p.Expiring(time.Unix(6001, 0)))
	p = credentials.PlanFor(token(t, map[string]any{"exp": 9000}), nil)
	require.False(t, p.Expiring(time.Unix(9000-3601, 0)))
	require.True(t, p.Expiring(time.Unix(9000-3600, 0)))
	require.False(t, credentials.PlanFor("opaque", nil).Expiring(time.Unix(1e9, 0)))
}

func FuzzRead(f *testing.F) {
	f.Add(token(f, map[string]any{"sub": subject, "iat": 1, "exp": 9}))
	f.Fuzz(func(t *testing.T, text string) {
		got := credentials.Read(text)
		require.False(t, got.Expires.Before(time.Time{}))
	})
}
