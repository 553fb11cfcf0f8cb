package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/credentials"
	"github.com/kubefederation/federation-apiserver/pkg/health"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// Bounds of the growing time between two tries to renew a token.
const minRenewalDelay, maxRenewalDelay = 10 * time.Second, 5 * time.Minute

// renewal is what has become of tries to renew a token.
type renewal struct {
	delay time.Duration
	next  time.Time
	err   error
}

// failed notes a try that failed.
func (r *renewal) failed(err error, now time.Time) {
	r.delay = min(max(2*r.delay, minRenewalDelay), maxRenewalDelay)
	r.next, r.err = now.Add(r.delay), err
}

// lookAtCredentials renews the token of the member when that is due, and returns
// the conditions about how the member is reached; none when all is well.
func (p *prober) lookAtCredentials(ctx context.Context, member *members.Member, found health.Probe, timeout time.Duration) []corev1beta1.ClusterCondition {
	cluster, err := p.controller.clusters.Get(p.name)
	if err != nil {
		return nil // gone: the controller will stop this prober
	}
	var next []corev1beta1.ClusterCondition
	// Without a Secret there is nothing to say of it: the configuration is malformed.
	if secret, err := p.controller.secrets.Get(cluster.Spec.SecretRef.Name); err == nil {
		now := time.Now()
		plan := credentials.PlanFor(string(secret.Data[members.TokenKey]), secret.Annotations)
		if found.Result == health.Healthy && plan.Due(now) && !now.Before(p.renewal.next) {
			p.renew(ctx, member, secret, plan, timeout)
		}
		reason, message := riskOf(plan, found, p.renewal.err, p.name, now)
		recordCredentials(p.name, plan.Expires, reason != "")
		if reason != "" {
			next = append(next, conditionOf(corev1beta1.ClusterCredentialsAtRisk, reason, message))
		}
	}
	if message := insecurity(cluster); message != "" {
		next = append(next, conditionOf(corev1beta1.ClusterInsecure, corev1beta1.ReasonTLSValidationDisabled, message))
	}
	return sinceIn(p.status.Conditions, next, metav1.Now())
}

// renew asks the member for another token and puts it into the Secret, unless the
// Secret has changed meanwhile.
func (p *prober) renew(ctx context.Context, member *members.Member, secret *corev1.Secret, plan credentials.Plan, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	logger := klog.FromContext(ctx)
	token, expires, err := member.RequestToken(ctx, plan.Token, plan.Lifetime)
	if err == nil {
		err = p.keep(ctx, secret, token)
	}
	if err != nil {
		p.renewal.failed(err, time.Now())
		logger.Error(err, "Could not renew the token of a member; will try again", "cluster", p.name, "expires", plan.Expires, "next", p.renewal.next)
		return
	}
	// The Secret that comes back is what says when the next one is due; until then
	// there is nothing to do.
	p.renewal = renewal{next: time.Now().Add(minRenewalDelay)}
	logger.Info("Renewed the token of a member", "cluster", p.name, "expires", expires)
}

// keep writes a token into the Secret that secret is the present state of.
func (p *prober) keep(ctx context.Context, secret *corev1.Secret, token string) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid": secret.UID, "resourceVersion": secret.ResourceVersion,
			"annotations": map[string]any{corev1beta1.RenewTokenAtAnnotation: nil},
		},
		"data": map[string]any{members.TokenKey: []byte(token)},
	})
	if err != nil {
		return fmt.Errorf("encoding the token for its Secret: %w", err)
	}
	_, err = p.controller.Host.CoreV1().Secrets(secret.Namespace).Patch(ctx, secret.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "federation-apiserver"})
	if err != nil {
		return fmt.Errorf("writing the token into Secret %s of the host: %w", secret.Name, err)
	}
	return nil
}

// riskOf says what is wrong with the token of a member, and how to mend it; an empty
// reason: nothing.
func riskOf(plan credentials.Plan, found health.Probe, renewal error, cluster string, now time.Time) (reason, message string) {
	again := "; to make another one: kubectl fed join " + cluster
	at := plan.Expires.UTC().Format(time.RFC3339)
	switch {
	case plan.Expired(now):
		return corev1beta1.ReasonCredentialsExpired, "the token expired at " + at + again
	case found.Result == health.Unhealthy && strings.HasPrefix(found.Detail, unauthorized):
		return corev1beta1.ReasonCredentialsRefused, "the cluster does not accept the token" + again
	case renewal != nil:
		return corev1beta1.ReasonTokenNotRenewed, fmt.Sprintf("the token expires at %s and could not be renewed: %v%s", at, renewal, again)
	case plan.Expiring(now):
		return corev1beta1.ReasonCredentialsExpiring, "the token expires at " + at + ", and the federation is not asked to renew it" + again
	}
	return "", ""
}

// unauthorized begins what is said of an answer with that status.
const unauthorized = "401 "

// insecurity says what is not checked of a member.
func insecurity(cluster *corev1beta1.KubeFedCluster) string {
	if len(cluster.Spec.DisabledTLSValidations) == 0 {
		return ""
	}
	disabled := make([]string, len(cluster.Spec.DisabledTLSValidations))
	for i, validation := range cluster.Spec.DisabledTLSValidations {
		disabled[i] = string(validation)
	}
	return "spec.disabledTLSValidations is " + strings.Join(disabled, ", ") + ": whoever can answer in the cluster's place can read the token"
}

func conditionOf(kind corev1beta1.ClusterConditionType, reason, message string) corev1beta1.ClusterCondition {
	return corev1beta1.ClusterCondition{Type: kind, Status: corev1.ConditionTrue, Reason: &reason, Message: &message}
}

// sinceIn gives next the times: a condition that was there keeps the time from
// which on it is.
func sinceIn(before, next []corev1beta1.ClusterCondition, now metav1.Time) []corev1beta1.ClusterCondition {
	for i := range next {
		c := &next[i]
		c.LastProbeTime, c.LastTransitionTime = now, &now
		for _, old := range before {
			if old.Type == c.Type && old.LastTransitionTime != nil {
				c.LastTransitionTime = old.LastTransitionTime.DeepCopy()
			}
		}
	}
	return next
}

// ofHealth returns those of the conditions that probes alone decide.
func ofHealth(conditions []corev1beta1.ClusterCondition) []corev1beta1.ClusterCondition {
	return slices.DeleteFunc(slices.Clone(conditions), func(c corev1beta1.ClusterCondition) bool {
		return c.Type == corev1beta1.ClusterCredentialsAtRisk || c.Type == corev1beta1.ClusterInsecure || c.Type == corev1beta1.ClusterNotOwned
	})
}
