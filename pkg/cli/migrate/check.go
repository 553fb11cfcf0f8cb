package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// check tells how far the migration is and what is in its way. It fails if
// something is.
func (h *host) check(ctx context.Context) error {
	running, err := h.runningControllers(ctx)
	if err != nil {
		return err
	}
	inTheWay := len(running) > 0
	for _, controller := range running {
		h.report.Note("controller %s runs: stop it before the export", controller)
	}
	webhooks, err := h.webhooks(ctx)
	if err != nil {
		return err
	}
	inTheWay = inTheWay || len(webhooks) > 0
	for _, webhook := range webhooks {
		h.report.Note("%s is KubeFed's: delete it before the import, which it would refuse", webhook)
	}
	resources, err := h.kubeFedResources(ctx)
	if err != nil {
		return err
	}
	for _, r := range resources {
		service, err := h.forwarded(ctx, r.GroupVersion())
		if err != nil {
			return err
		}
		if service != "" {
			h.report.Note("CRD %s is behind %s: its objects cannot be reached, and it can be deleted after the import", r.GroupResource(), service)
			continue
		}
		objects, err := h.list(ctx, r)
		if err != nil {
			return err
		}
		held := 0
		for i := range objects {
			if len(objects[i].GetFinalizers()) > 0 {
				held++
			}
		}
		h.report.Done("CRD %s: %d objects, %d with finalizers", r.GroupResource(), len(objects), held)
	}
	if len(resources) == 0 {
		h.report.Done("the host has no CRDs of KubeFed")
	}
	if inTheWay {
		return errInTheWay
	}
	return nil
}

// webhooks returns the webhook configurations for KubeFed's groups. They apply to
// writes to this server too.
func (h *host) webhooks(ctx context.Context) ([]string, error) {
	ours := func(groups []string) bool {
		return slices.ContainsFunc(groups, func(group string) bool { return strings.HasSuffix(group, ".kubefed.io") })
	}
	registration := h.kube.AdmissionregistrationV1()
	validating, err := registration.ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing webhooks: %w", err)
	}
	var found []string
	for _, configuration := range validating.Items {
		for _, webhook := range configuration.Webhooks {
			for _, rule := range webhook.Rules {
				if ours(rule.APIGroups) {
					found = append(found, "validatingwebhookconfiguration "+configuration.Name)
				}
			}
		}
	}
	mutating, err := registration.MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing webhooks: %w", err)
	}
	for _, configuration := range mutating.Items {
		for _, webhook := range configuration.Webhooks {
			for _, rule := range webhook.Rules {
				if ours(rule.APIGroups) {
					found = append(found, "mutatingwebhookconfiguration "+configuration.Name)
				}
			}
		}
	}
	return slices.Compact(found), nil
}
