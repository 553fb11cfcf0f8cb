// Package multiclusterdns validates the kinds of the group
// multiclusterdns.kubefed.io. KubeFed checked nothing of them: what is refused
// here could not have become a DNS record.
package multiclusterdns

import (
	"net/netip"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
)

// ValidateDomain validates a domain.
func ValidateDomain(domain *dns.Domain) field.ErrorList {
	errs := validateMeta(domain)
	errs = append(errs, validateName(domain.Domain, field.NewPath("domain"))...)
	if server := domain.NameServer; server != "" {
		if _, err := netip.ParseAddr(server); err != nil {
			errs = append(errs, validateName(server, field.NewPath("nameServer"))...)
		}
	}
	return errs
}

func validateMeta(obj metav1.Object) field.ErrorList {
	return apivalidation.ValidateObjectMetaAccessor(obj, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
}
