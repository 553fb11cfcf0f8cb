package multiclusterdns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
)

const (
	maxEndpoints = 4096
	maxTargets   = 4096
)

// The types of records that a DNSEndpoint may have: those that external-dns knows.
const (
	recordA     = "A"
	recordAAAA  = "AAAA"
	recordCNAME = "CNAME"
)

var recordTypes = sets.New(recordA, recordAAAA, recordCNAME, "MX", "NAPTR", "NS", "PTR", "SRV", "TXT")

// ValidateDNSEndpoint validates DNS records.
func ValidateDNSEndpoint(endpoint *dns.DNSEndpoint) field.ErrorList {
	errs := validateMeta(endpoint)
	path := field.NewPath("spec", "endpoints")
	if n := len(endpoint.Spec.Endpoints); n > maxEndpoints {
		return append(errs, field.TooMany(path, n, maxEndpoints))
	}
	types := map[string][]string{}
	for i, e := range endpoint.Spec.Endpoints {
		at := path.Index(i)
		if e == nil {
			errs = append(errs, field.Required(at, "must be a DNS record"))
			continue
		}
		errs = append(errs, validateEndpoint(e, at)...)
		name := normal(e.DNSName)
		switch others := types[name]; {
		case slices.Contains(others, e.RecordType):
			errs = append(errs, field.Duplicate(at, fmt.Sprintf("%s %s", e.RecordType, e.DNSName)))
		case len(others) > 0 && (e.RecordType == recordCNAME || slices.Contains(others, recordCNAME)):
			errs = append(errs, field.Invalid(at.Child("recordType"), e.RecordType, "a name with a CNAME must have nothing else"))
		}
		types[name] = append(types[name], e.RecordType)
	}
	return errs
}

// ValidateDNSEndpointStatus validates what the program that writes the records
// says.
func ValidateDNSEndpointStatus(endpoint *dns.DNSEndpoint) field.ErrorList {
	if observed := endpoint.Status.ObservedGeneration; observed != nil && *observed < 0 {
		return field.ErrorList{field.Invalid(field.NewPath("status", "observedGeneration"), *observed, "must not be negative")}
	}
	return nil
}

func validateEndpoint(e *dns.Endpoint, path *field.Path) field.ErrorList {
	errs := validateRecordName(e.DNSName, path.Child("dnsName"))
	errs = append(errs, validateTTL(e.RecordTTL, path.Child("recordTTL"))...)
	if !recordTypes.Has(e.RecordType) {
		return append(errs, field.NotSupported(path.Child("recordType"), e.RecordType, sets.List(recordTypes)))
	}
	targets := path.Child("targets")
	switch n := len(e.Targets); {
	case n == 0:
		return append(errs, field.Required(targets, "must have what the name stands for"))
	case n > maxTargets:
		return append(errs, field.TooMany(targets, n, maxTargets))
	case n > 1 && e.RecordType == recordCNAME:
		return append(errs, field.TooMany(targets, n, 1))
	}
	for i, target := range e.Targets {
		errs = append(errs, validateTarget(e, target, targets.Index(i))...)
	}
	return errs
}

func validateTarget(e *dns.Endpoint, target string, path *field.Path) field.ErrorList {
	address, err := netip.ParseAddr(target)
	switch e.RecordType {
	case recordA:
		if err != nil || !address.Is4() {
			return field.ErrorList{field.Invalid(path, target, "must be an IPv4 address")}
		}
	case recordAAAA:
		if err != nil || !address.Is6() || address.Zone() != "" {
			return field.ErrorList{field.Invalid(path, target, "must be an IPv6 address")}
		}
	case recordCNAME:
		if normal(target) == normal(e.DNSName) {
			return field.ErrorList{field.Invalid(path, target, "must not be the name itself")}
		}
		return validateRecordName(target, path)
	default:
		if target == "" {
			return field.ErrorList{field.Required(path, "")}
		}
	}
	return nil
}

// validateRecordName validates the name of a record, which, unlike that of a
// host, may have underscores.
func validateRecordName(name string, path *field.Path) field.ErrorList {
	if len(name) > validation.DNS1123SubdomainMaxLength {
		return field.ErrorList{field.TooLong(path, name, validation.DNS1123SubdomainMaxLength)}
	}
	errs := validateHost(strings.ReplaceAll(name, "_", "x"), path)
	for _, err := range errs {
		if err.Type == field.ErrorTypeInvalid {
			err.BadValue = name
		}
	}
	return errs
}
