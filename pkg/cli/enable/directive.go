package enable

import (
	"fmt"
	"io"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// directiveKind is a kind that is read from files and served nowhere.
const directiveKind = "EnableTypeDirective"

// Directive says what to enable and how, as KubeFed's files do. Its name is that
// of the target type.
type Directive struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              DirectiveSpec `json:"spec,omitempty"`
}

// DirectiveSpec is the choice that a type leaves.
type DirectiveSpec struct {
	// TargetVersion of the target type; empty: the one that the host prefers.
	TargetVersion string `json:"targetVersion,omitempty"`
	// FederatedGroup of the federated type.
	FederatedGroup string `json:"federatedGroup,omitempty"`
	// FederatedVersion of the federated type.
	FederatedVersion string `json:"federatedVersion,omitempty"`
}

// NewDirective returns the directive for a type with all defaults.
func NewDirective(name string) *Directive {
	d := &Directive{ObjectMeta: metav1.ObjectMeta{Name: name}}
	d.setDefaults()
	return d
}

func (d *Directive) setDefaults() {
	if d.Spec.FederatedGroup == "" {
		d.Spec.FederatedGroup = typesv1beta1.GroupName
	}
	if d.Spec.FederatedVersion == "" {
		d.Spec.FederatedVersion = typesv1beta1.SchemeGroupVersion.Version
	}
}

// ReadDirective reads a directive from a file, or from in for "-".
func ReadDirective(file string, in io.Reader) (*Directive, error) {
	read := func() ([]byte, error) { return os.ReadFile(file) }
	if file == "-" {
		read = func() ([]byte, error) { return io.ReadAll(in) }
	}
	text, err := read()
	if err != nil {
		return nil, fmt.Errorf("reading the %s: %w", directiveKind, err)
	}
	d := &Directive{}
	if err := yaml.UnmarshalStrict(text, d); err != nil {
		return nil, fmt.Errorf("reading the %s in %s: %w", directiveKind, file, err)
	}
	if want := corev1beta1.SchemeGroupVersion.String(); d.Kind != directiveKind || d.APIVersion != want {
		return nil, fmt.Errorf("%s: kind must be %s and apiVersion %s, not %q and %q", file, directiveKind, want, d.Kind, d.APIVersion)
	}
	if d.Name == "" {
		return nil, fmt.Errorf("%s: metadata.name must be the name of the type to enable, such as deployments.apps", file)
	}
	d.setDefaults()
	return d, nil
}

// check refuses what this server cannot serve.
func (d *Directive) check() error {
	group, version := typesv1beta1.GroupName, typesv1beta1.SchemeGroupVersion.Version
	if d.Spec.FederatedGroup != group || d.Spec.FederatedVersion != version {
		return fmt.Errorf("federated types are served as %s/%s here, not as %s/%s: leave --federated-group and --federated-version out",
			group, version, d.Spec.FederatedGroup, d.Spec.FederatedVersion)
	}
	return nil
}
