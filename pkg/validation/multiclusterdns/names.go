package multiclusterdns

import (
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// normal returns what two spellings of a name have in common.
func normal(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// validateName validates a full DNS name, in letters of any case and with or
// without a dot at its end.
func validateName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "must be a DNS name")}
	}
	if _, err := netip.ParseAddr(normal(name)); err == nil {
		return field.ErrorList{field.Invalid(path, name, "must be a DNS name, not an address")}
	}
	return validateLabels(strings.TrimSuffix(name, "."), path)
}

// validateHost validates a full DNS name whose first label may be "*".
func validateHost(name string, path *field.Path) field.ErrorList {
	if rest, ok := strings.CutPrefix(name, "*."); ok && len(name) <= validation.DNS1123SubdomainMaxLength {
		errs := validateName(rest, path)
		for _, err := range errs {
			err.BadValue = name
		}
		return errs
	}
	return validateName(name, path)
}

// validateLabels validates labels with dots between them: no longer than a name
// can be, and each no longer than 63 bytes.
func validateLabels(name string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, message := range validation.IsDNS1123Subdomain(strings.ToLower(name)) {
		errs = append(errs, field.Invalid(path, name, message))
	}
	if len(errs) > 0 {
		return errs
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > validation.DNS1123LabelMaxLength {
			errs = append(errs, field.Invalid(path, name, "each label: "+validation.MaxLenError(validation.DNS1123LabelMaxLength)))
			break
		}
	}
	return errs
}

// validateObjectName validates the name of an object that becomes part of DNS
// names.
func validateObjectName(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "must be the name of a Domain")}
	}
	if name != strings.ToLower(name) {
		return field.ErrorList{field.Invalid(path, name, "must be the name of a Domain, in lower case")}
	}
	return validateLabels(name, path)
}
