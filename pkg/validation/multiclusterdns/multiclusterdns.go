// Package multiclusterdns validates the group multiclusterdns.kubefed.io.
package multiclusterdns

import (
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
)

// ValidateDomain validates a domain.
func ValidateDomain(domain *dns.Domain) field.ErrorList {
	errs := validateMeta(domain)
	return append(errs, validateName(domain.Domain, field.NewPath("domain"))...)
}

// ValidateServiceDNSRecord validates the DNS names of a service.
func ValidateServiceDNSRecord(record *dns.ServiceDNSRecord) field.ErrorList {
	errs := validateMeta(record)
	path := field.NewPath("spec")
	errs = append(errs, validateName(record.Spec.DomainRef, path.Child("domainRef"))...)
	return append(errs, apivalidation.ValidateNonnegativeField(int64(record.Spec.RecordTTL), path.Child("recordTTL"))...)
}

// ValidateIngressDNSRecord validates the DNS names of an ingress.
func ValidateIngressDNSRecord(record *dns.IngressDNSRecord) field.ErrorList {
	errs := validateMeta(record)
	path := field.NewPath("spec")
	for i, host := range record.Spec.Hosts {
		errs = append(errs, validateName(host, path.Child("hosts").Index(i))...)
	}
	return append(errs, apivalidation.ValidateNonnegativeField(int64(record.Spec.RecordTTL), path.Child("recordTTL"))...)
}

// ValidateDNSEndpoint validates DNS records.
func ValidateDNSEndpoint(endpoint *dns.DNSEndpoint) field.ErrorList {
	return validateMeta(endpoint)
}

func validateMeta(obj metav1.Object) field.ErrorList {
	return apivalidation.ValidateObjectMetaAccessor(obj, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
}

func validateName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "must be a DNS name")}
	}
	var errs field.ErrorList
	for _, message := range validation.IsDNS1123Subdomain(name) {
		errs = append(errs, field.Invalid(path, name, message))
	}
	return errs
}
