package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/pkg/credentials"
)

var serviceAccountTokens = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts/token"}

// RequestToken asks the member for another token of the service account that the
// present one is of, by a TokenRequest, and returns it with its end.
func (m *Member) RequestToken(ctx context.Context, present credentials.Token, lifetime time.Duration) (token string, expires time.Time, err error) {
	conn, err := m.probed()
	if err != nil {
		return "", time.Time{}, err
	}
	seconds := int64(lifetime.Seconds())
	body, err := json.Marshal(&authenticationv1.TokenRequest{
		TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"},
		Spec:     authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds},
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("encoding a TokenRequest: %w", err)
	}
	raw, err := answerOf(conn.rest.Post().AbsPath("api", "v1", "namespaces", present.Namespace, "serviceaccounts", present.ServiceAccount, "token").
		SetHeader("Content-Type", runtime.ContentTypeJSON).SetHeader("Accept", runtime.ContentTypeJSON).
		Body(body).Do(ungated(probing(ctx))))
	if err != nil {
		return "", time.Time{}, conn.errorOf(ctx, serviceAccountTokens, err)
	}
	var answer authenticationv1.TokenRequest
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", time.Time{}, fmt.Errorf("member %s: reading the answer to a TokenRequest: %w", m.name, err)
	}
	if err := believable(answer.Status.Token, present); err != nil {
		return "", time.Time{}, fmt.Errorf("member %s: %w", m.name, err)
	}
	return answer.Status.Token, credentials.Read(answer.Status.Token).Expires, nil
}

// believable says what speaks against a token: it takes the place of one that works.
func believable(token string, present credentials.Token) error {
	next := credentials.Read(token)
	switch {
	case strings.ContainsFunc(token, isNotOfToken):
		return errors.New("the token that it made is not one line of printable ASCII")
	case next.ServiceAccount != present.ServiceAccount || next.Namespace != present.Namespace:
		return errors.New("the token that it made is not of the same service account")
	case !next.Expires.After(present.Expires):
		return errors.New("the token that it made does not live longer than the present one")
	}
	return nil
}

// isNotOfToken says that a bearer token cannot have a character.
func isNotOfToken(r rune) bool { return r <= ' ' || r > '~' }
