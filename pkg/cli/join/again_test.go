package join

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

func TestJoiningAgainKeepsWhatItIsNotTold(t *testing.T) {
	cluster := &corev1beta1.KubeFedCluster{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
		corev1beta1.MemberRightsAnnotation: "all", corev1beta1.MemberProxyAnnotation: "true",
	}}}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{corev1beta1.TokenLifetimeAnnotation: "1h"}}}
	type choice struct {
		rights   string
		proxy    bool
		lifetime time.Duration
	}
	now := choice{rightsTypes, false, defaultTokenLifetime}
	for name, test := range map[string]struct {
		cluster *corev1beta1.KubeFedCluster
		secret  *corev1.Secret
		given   []string
		want    choice
	}{
		"the first time":              {nil, nil, nil, now},
		"again":                       {cluster, secret, nil, choice{rightsAll, true, time.Hour}},
		"without its Secret":          {cluster, nil, nil, choice{rightsAll, true, defaultTokenLifetime}},
		"with other rights":           {cluster, secret, []string{"member-rights"}, choice{rightsTypes, true, time.Hour}},
		"without the proxy":           {cluster, secret, []string{"allow-proxy"}, choice{rightsAll, false, time.Hour}},
		"for another time":            {cluster, secret, []string{"token-lifetime"}, choice{rightsAll, true, defaultTokenLifetime}},
		"where KubeFed was":           {&corev1beta1.KubeFedCluster{}, &corev1.Secret{}, nil, now},
		"with a lifetime of nonsense": {&corev1beta1.KubeFedCluster{}, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{corev1beta1.TokenLifetimeAnnotation: "1s"}}}, nil, now},
	} {
		t.Run(name, func(t *testing.T) {
			o := &Options{MemberRights: now.rights, AllowProxy: now.proxy, TokenLifetime: now.lifetime,
				given: func(flag string) bool { return slices.Contains(test.given, flag) }}
			o.inherit(test.cluster, test.secret)
			require.Equal(t, test.want, choice{o.MemberRights, o.AllowProxy, o.TokenLifetime})
		})
	}
}
