// Package core validates the kinds of the group core.kubefed.io.
//
// The rules are KubeFed's; what is refused beyond them could never have worked,
// or made KubeFed panic.
package core

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
)

const (
	// maxURLLength bounds the addresses of a member, in bytes.
	maxURLLength = 2048
	// maxCABundleBytes bounds a CA bundle: twice the size of the usual bundle of
	// all public authorities.
	maxCABundleBytes = 512 * 1024
)

var (
	proxySchemes      = sets.New("http", "https", "socks5")
	tlsValidations    = sets.New(core.TLSAll, core.TLSSubjectName, core.TLSValidityPeriod)
	clusterConditions = sets.New(core.ClusterReady, core.ClusterOffline, core.ClusterConfigMalformed, core.ClusterCredentialsAtRisk, core.ClusterInsecure, core.ClusterNotOwned)
	conditionStatuses = sets.New(corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown)
)

// ValidateKubeFedCluster validates a member that is created.
func ValidateKubeFedCluster(cluster *core.KubeFedCluster) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&cluster.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateClusterSpec(&cluster.Spec, field.NewPath("spec"))...)
}

// ValidateKubeFedClusterUpdate validates a member that takes the place of old. A
// spec that is not changed is not validated again, and metadata is the generic
// registry's to validate; so in all updates here.
func ValidateKubeFedClusterUpdate(cluster, old *core.KubeFedCluster) field.ErrorList {
	var errs field.ErrorList
	if !apiequality.Semantic.DeepEqual(cluster.Spec, old.Spec) {
		errs = append(errs, validateClusterSpec(&cluster.Spec, field.NewPath("spec"))...)
	}
	return errs
}

// ValidateKubeFedClusterStatusUpdate validates a member whose status is
// written.
func ValidateKubeFedClusterStatusUpdate(cluster *core.KubeFedCluster) field.ErrorList {
	var errs field.ErrorList
	types := sets.New[core.ClusterConditionType]()
	for i, condition := range cluster.Status.Conditions {
		path := field.NewPath("status", "conditions").Index(i)
		errs = append(errs, validateEnum(condition.Type, clusterConditions, path.Child("type"))...)
		if types.Has(condition.Type) {
			errs = append(errs, field.Duplicate(path.Child("type"), condition.Type))
		}
		types.Insert(condition.Type)
		errs = append(errs, validateEnum(condition.Status, conditionStatuses, path.Child("status"))...)
		if condition.LastProbeTime.IsZero() {
			errs = append(errs, field.Required(path.Child("lastProbeTime"), ""))
		}
	}
	return errs
}

// KubeFedClusterWarnings tells what makes a member less safe to talk to.
func KubeFedClusterWarnings(cluster *core.KubeFedCluster) []string {
	var warnings []string
	if len(cluster.Spec.DisabledTLSValidations) > 0 {
		warnings = append(warnings, "spec.disabledTLSValidations: whoever can answer in the member's place can read its token")
	}
	if proxy, err := url.Parse(cluster.Spec.ProxyURL); err == nil && proxy.User != nil {
		warnings = append(warnings, "spec.proxyURL: everybody who can read this object can read the proxy's credentials")
	}
	return warnings
}

func validateClusterSpec(spec *core.KubeFedClusterSpec, path *field.Path) field.ErrorList {
	errs := validateEndpoint(spec.APIEndpoint, path.Child("apiEndpoint"))
	errs = append(errs, validateCABundle(spec, path.Child("caBundle"))...)
	errs = append(errs, validateSecretName(spec.SecretRef.Name, path.Child("secretRef", "name"))...)
	errs = append(errs, validateProxy(spec.ProxyURL, path.Child("proxyURL"))...)
	return append(errs, validateTLSValidations(spec.DisabledTLSValidations, path.Child("disabledTLSValidations"))...)
}

// parseEndpoint reads an address as client-go does: without a scheme it is
// HOST:PORT for https.
func parseEndpoint(endpoint string) (*url.URL, error) {
	parsed, err := url.Parse(endpoint)
	if err == nil && parsed.Scheme != "" && parsed.Host != "" {
		return parsed, nil
	}
	if err == nil && strings.Contains(endpoint, "://") {
		return nil, fmt.Errorf("the host is missing")
	}
	if parsed, err = url.Parse("https://" + endpoint); err != nil {
		return nil, fmt.Errorf("not a URL")
	}
	if parsed.Path != "" && parsed.Path != "/" {
		return nil, fmt.Errorf("neither a URL nor HOST:PORT")
	}
	return parsed, nil
}

func validateEndpoint(endpoint string, path *field.Path) field.ErrorList {
	if endpoint == "" {
		return field.ErrorList{field.Required(path, "must be the address of the member's API server, such as https://10.0.0.1:6443")}
	}
	if len(endpoint) > maxURLLength {
		return field.ErrorList{field.TooLong(path, endpoint, maxURLLength)}
	}
	parsed, err := parseEndpoint(endpoint)
	if err != nil {
		return field.ErrorList{field.Invalid(path, endpoint, fmt.Sprintf("must be a URL such as https://10.0.0.1:6443: %v", err))}
	}
	var errs field.ErrorList
	if parsed.Scheme != "https" {
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, "scheme must be https: over anything else the token could be read on its way"))
	}
	errs = append(errs, validateHost(parsed, path)...)
	if parsed.User != nil {
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, "must not have credentials; they belong in the Secret"))
	}
	if parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" {
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, "must not have a query or a fragment"))
	}
	return errs
}

// validateHost checks host and port of a URL. Messages leave out the URL, which
// may have credentials.
func validateHost(parsed *url.URL, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	host := parsed.Hostname()
	if host == "" {
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must name a host")}
	}
	if address, _, _ := strings.Cut(host, "%"); net.ParseIP(address) == nil {
		for _, message := range validation.IsDNS1123Subdomain(strings.ToLower(host)) {
			errs = append(errs, field.Invalid(path, host, "host must be an IP address or a DNS name: "+message))
		}
	}
	if port := parsed.Port(); port != "" {
		if number, err := strconv.Atoi(port); err != nil || len(validation.IsValidPortNum(number)) > 0 {
			errs = append(errs, field.Invalid(path, port, "port must be between 1 and 65535"))
		}
	} else if strings.HasSuffix(parsed.Host, ":") {
		errs = append(errs, field.Invalid(path, parsed.Host, "port must be between 1 and 65535"))
	}
	return errs
}

func validateCABundle(spec *core.KubeFedClusterSpec, path *field.Path) field.ErrorList {
	bundle := spec.CABundle
	if len(bundle) == 0 {
		return nil
	}
	if len(bundle) > maxCABundleBytes {
		return field.ErrorList{field.TooLong(path, "", maxCABundleBytes)}
	}
	found, expired, last := 0, 0, time.Time{}
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		found++
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return field.ErrorList{field.Invalid(path, field.OmitValueType{}, fmt.Sprintf("certificate %d cannot be parsed: %v", found, err))}
		}
		if certificate.NotAfter.Before(time.Now()) {
			expired, last = expired+1, certificate.NotAfter
		}
	}
	if found == 0 {
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must hold at least one PEM certificate")}
	}
	// A bundle may keep what has gone out of use; but with nothing else in it no
	// certificate would be trusted.
	if expired == found && !checksNoTime(spec) {
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, fmt.Sprintf("must hold a certificate that is valid now: the last one expired at %s", last.UTC().Format(time.RFC3339)))}
	}
	return nil
}

// checksNoTime says whether the validity period of certificates is not looked at.
func checksNoTime(spec *core.KubeFedClusterSpec) bool {
	return slices.Contains(spec.DisabledTLSValidations, core.TLSAll) || slices.Contains(spec.DisabledTLSValidations, core.TLSValidityPeriod)
}

func validateSecretName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "must be the name of a Secret in the same namespace of the host cluster")}
	}
	var errs field.ErrorList
	for _, message := range validation.IsDNS1123Subdomain(name) {
		errs = append(errs, field.Invalid(path, name, message))
	}
	return errs
}

func validateProxy(proxy string, path *field.Path) field.ErrorList {
	if proxy == "" {
		return nil
	}
	if len(proxy) > maxURLLength {
		return field.ErrorList{field.TooLong(path, proxy, maxURLLength)}
	}
	parsed, err := url.Parse(proxy)
	if err != nil {
		// The error of the parser repeats the URL, which may have credentials.
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, "must be a URL such as http://proxy:3128")}
	}
	var errs field.ErrorList
	if !proxySchemes.Has(parsed.Scheme) {
		errs = append(errs, field.NotSupported(path, parsed.Scheme, sets.List(proxySchemes)))
	}
	return append(errs, validateHost(parsed, path)...)
}

func validateTLSValidations(disabled []core.TLSValidation, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[core.TLSValidation]()
	for i, check := range disabled {
		errs = append(errs, validateEnum(check, tlsValidations, path.Index(i))...)
		if seen.Has(check) {
			errs = append(errs, field.Duplicate(path.Index(i), check))
		}
		seen.Insert(check)
	}
	if seen.Has(core.TLSAll) && seen.Len() > 1 {
		errs = append(errs, field.Invalid(path, disabled, "when * is specified, it must be the only value"))
	}
	return errs
}

// validateEnum checks a value that must be given and one of a set.
func validateEnum[T ~string](value T, allowed sets.Set[T], path *field.Path) field.ErrorList {
	switch {
	case value == "":
		return field.ErrorList{field.Required(path, fmt.Sprintf("must be one of %s", joined(allowed)))}
	case !allowed.Has(value):
		return field.ErrorList{field.NotSupported(path, value, sets.List(allowed))}
	}
	return nil
}

func joined[T ~string](values sets.Set[T]) string {
	names := make([]string, 0, values.Len())
	for _, value := range sets.List(values) {
		names = append(names, string(value))
	}
	return strings.Join(names, ", ")
}
