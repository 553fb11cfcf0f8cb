package multiclusterdns

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
)

// maxHosts bounds the names of one ingress.
const maxHosts = 256

// ValidateServiceDNSRecord validates the DNS names of a service.
func ValidateServiceDNSRecord(record *dns.ServiceDNSRecord) field.ErrorList {
	errs := validateMeta(record)
	if len(errs) == 0 {
		for _, message := range validation.IsDNS1123Label(record.Name) {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), record.Name, "must be the name of a Service: "+message))
		}
	}
	path := field.NewPath("spec")
	errs = append(errs, validateObjectName(record.Spec.DomainRef, path.Child("domainRef"))...)
	errs = append(errs, validateTTL(record.Spec.RecordTTL, path.Child("recordTTL"))...)
	for _, part := range []struct{ field, value string }{
		{"dnsPrefix", record.Spec.DNSPrefix}, {"externalName", record.Spec.ExternalName},
	} {
		if part.value != "" {
			errs = append(errs, validateLabels(part.value, path.Child(part.field))...)
		}
	}
	return errs
}

// ValidateIngressDNSRecord validates the DNS names of an ingress.
func ValidateIngressDNSRecord(record *dns.IngressDNSRecord) field.ErrorList {
	errs := validateMeta(record)
	path := field.NewPath("spec")
	if n := len(record.Spec.Hosts); n > maxHosts {
		return append(errs, field.TooMany(path.Child("hosts"), n, maxHosts))
	}
	seen := sets.New[string]()
	for i, host := range record.Spec.Hosts {
		at := path.Child("hosts").Index(i)
		errs = append(errs, validateHost(host, at)...)
		if seen.Has(normal(host)) {
			errs = append(errs, field.Duplicate(at, host))
		}
		seen.Insert(normal(host))
	}
	return append(errs, validateTTL(record.Spec.RecordTTL, path.Child("recordTTL"))...)
}

// maxTTL is the largest one there is (RFC 2181, section 8).
const maxTTL = 1<<31 - 1

// validateTTL validates a number of seconds, of which 0 is the default.
func validateTTL(ttl dns.TTL, path *field.Path) field.ErrorList {
	if ttl < 0 || ttl > maxTTL {
		return field.ErrorList{field.Invalid(path, int64(ttl), fmt.Sprintf("must be between 0 and %d seconds", maxTTL))}
	}
	return nil
}
