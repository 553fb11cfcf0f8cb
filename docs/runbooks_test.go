package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// alertRules is what of a file of rules concerns its pages.
type alertRules struct {
	Groups []struct {
		Name  string      `json:"name"`
		Rules []alertRule `json:"rules"`
	} `json:"groups"`
}

type alertRule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

const runbookBase = "https://github.com/kubefederation/federation-apiserver/blob/main/docs/runbooks/"

// Every alert has a severity and a page that says the same, and every page is of an alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	var rules alertRules
	data, err := os.ReadFile("../deploy/observability/rules.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(data, &rules))
	index, err := os.ReadFile("runbooks/README.md")
	require.NoError(t, err)

	alerts := map[string]bool{}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			require.NotEmpty(t, rule.Alert)
			require.False(t, alerts[rule.Alert], "%s is there twice", rule.Alert)
			alerts[rule.Alert] = true
			severity := rule.Labels["severity"]
			assert.Contains(t, []string{"critical", "warning"}, severity, rule.Alert)
			assert.NotEmpty(t, rule.Annotations["description"], rule.Alert)
			assert.Equal(t, runbookBase+rule.Alert+".md", rule.Annotations["runbook_url"], rule.Alert)

			page, err := os.ReadFile(filepath.Join("runbooks", rule.Alert+".md"))
			require.NoError(t, err)
			for _, part := range []string{
				"# " + rule.Alert + "\n", "\nSeverity: " + severity + ". " + rule.Annotations["summary"] + "\n",
				"\n## What it means\n", "\n## How to check\n", "\n## What to do\n",
			} {
				assert.Contains(t, string(page), part, rule.Alert)
			}
			assert.Contains(t, string(index), "| ["+rule.Alert+"]("+rule.Alert+".md) | "+severity+" | "+rule.Annotations["summary"]+" |\n")
		}
	}
	pages, err := filepath.Glob("runbooks/*.md")
	require.NoError(t, err)
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); name != "README" {
			assert.True(t, alerts[name], "%s is about an alert that does not exist", page)
		}
	}
}

// The alerts for the Prometheus operator are those of the plain file.
func TestPrometheusRuleHasTheAlerts(t *testing.T) {
	var plain alertRules
	data, err := os.ReadFile("../deploy/observability/rules.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(data, &plain))
	var object struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       alertRules     `json:"spec"`
	}
	data, err = os.ReadFile("../deploy/observability/prometheusrule.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(data, &object))
	assert.Equal(t, []string{"monitoring.coreos.com/v1", "PrometheusRule"}, []string{object.APIVersion, object.Kind})
	assert.Equal(t, plain, object.Spec, "run hack/update-observability.sh")
}

// Every dashboard is among those that are installed.
func TestEveryDashboardIsInstalled(t *testing.T) {
	const dir = "../deploy/observability/"
	kustomization, err := os.ReadFile(dir + "kustomization.yaml")
	require.NoError(t, err)
	dashboards, err := filepath.Glob(dir + "dashboards/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, dashboards)
	for _, dashboard := range dashboards {
		assert.Contains(t, string(kustomization), "  - dashboards/"+filepath.Base(dashboard)+"\n")
	}
}
