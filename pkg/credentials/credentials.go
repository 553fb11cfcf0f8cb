// Package credentials decides from a bearer token and the Secret that holds it
// when the token has to be renewed, and whether it can still be used.
package credentials

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// MaxTokenBytes bounds a token: one of Kubernetes has about a thousand bytes.
const MaxTokenBytes = 16 << 10

// Token is what a token says of itself. Nothing of it is verified: the signature
// is for its member to check. The zero value is a token that says nothing.
type Token struct {
	// Namespace and ServiceAccount say whose token it is; empty if not that of a
	// service account.
	Namespace, ServiceAccount string
	// Issued and Expires bound its life; zero where it does not say. One that does not
	// expire lives forever.
	Issued, Expires time.Time
}

// subjectPrefix begins the subject of a service account's token.
const subjectPrefix = "system:serviceaccount:"

// Read reads the claims of a JSON web token (RFC 7519).
func Read(token string) Token {
	if len(token) > MaxTokenBytes {
		return Token{}
	}
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return Token{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Token{}
	}
	var claims struct {
		Subject string  `json:"sub"`
		Issued  float64 `json:"iat"`
		Expires float64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Token{}
	}
	t := Token{Issued: at(claims.Issued), Expires: at(claims.Expires)}
	if account, ok := strings.CutPrefix(claims.Subject, subjectPrefix); ok {
		if namespace, name, ok := strings.Cut(account, ":"); ok {
			t.Namespace, t.ServiceAccount = namespace, name
		}
	}
	return t
}

// at is a time of a claim: seconds since 1970, up to the year 9999.
func at(seconds float64) time.Time {
	const year9999 = 253402300799
	if !(seconds > 0 && seconds <= year9999) {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// Plan says what is to become of a token.
type Plan struct {
	Token
	// Lifetime to ask for; 0: the token is not ours to renew.
	Lifetime time.Duration
	// RenewAt is when another token is due; zero when Lifetime is 0.
	RenewAt time.Time
}

// PlanFor returns the plan for a token and the annotations of its Secret. A token
// is renewed after two thirds of its life, so that a third is left to mend what
// keeps it from being renewed; earlier if the annotation RenewTokenAtAnnotation
// says so.
func PlanFor(token string, annotations map[string]string) Plan {
	p := Plan{Token: Read(token)}
	lifetime, err := time.ParseDuration(annotations[corev1beta1.TokenLifetimeAnnotation])
	if err != nil || lifetime <= 0 || p.ServiceAccount == "" || p.Expires.IsZero() {
		return p
	}
	p.Lifetime = lifetime
	granted := lifetime
	if !p.Issued.IsZero() && p.Issued.Before(p.Expires) {
		granted = p.Expires.Sub(p.Issued)
	}
	p.RenewAt = p.Expires.Add(-granted / 3)
	if asked, err := time.Parse(time.RFC3339, annotations[corev1beta1.RenewTokenAtAnnotation]); err == nil && asked.Before(p.RenewAt) {
		p.RenewAt = asked
	}
	return p
}

// Due says whether the token is to be renewed now.
func (p Plan) Due(now time.Time) bool {
	return p.Lifetime > 0 && !now.Before(p.RenewAt)
}

// Expired says whether the token cannot be used any more.
func (p Plan) Expired(now time.Time) bool {
	return !p.Expires.IsZero() && !now.Before(p.Expires)
}

// Expiring says whether the token ends soon and nobody renews it, as far as can be
// seen from here: two thirds of its life have passed, or it has less than an hour
// left where it does not say when it began.
func (p Plan) Expiring(now time.Time) bool {
	if p.Expires.IsZero() || p.Lifetime > 0 {
		return false
	}
	left := time.Hour
	if !p.Issued.IsZero() && p.Issued.Before(p.Expires) {
		left = p.Expires.Sub(p.Issued) / 3
	}
	return !now.Before(p.Expires.Add(-left))
}
