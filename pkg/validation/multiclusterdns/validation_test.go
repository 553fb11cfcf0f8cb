package multiclusterdns_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	dns "github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/multiclusterdns"
)

// fault is an error that validation must give.
type fault struct {
	kind   field.ErrorType
	path   string
	detail string
}

// requireFaults checks that errs are exactly these, in order.
func requireFaults(t *testing.T, errs field.ErrorList, want ...fault) {
	t.Helper()
	require.Len(t, errs, len(want), "%v", errs)
	for i, err := range errs {
		require.Equal(t, want[i].path, err.Field, "%v", err)
		require.Equal(t, want[i].kind, err.Type, "%v", err)
		require.ErrorContains(t, err, want[i].detail)
	}
}

const (
	invalid   = field.ErrorTypeInvalid
	required  = field.ErrorTypeRequired
	duplicate = field.ErrorTypeDuplicate
	tooMany   = field.ErrorTypeTooMany
)

var (
	longLabel = strings.Repeat("x", 64)
	longName  = strings.Repeat("x.", 127) + "com"
)

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "test", Name: name}
}

func TestDomain(t *testing.T) {
	for name, test := range map[string]struct {
		domain, nameServer string
		want               []fault
	}{
		"a zone":                     {domain: "example.beta.banzaicloud.io"},
		"a dot at its end":           {domain: "Example.com."},
		"with a name server":         {domain: "example.com", nameServer: "ns1.example.com."},
		"with an address":            {domain: "example.com", nameServer: "2001:db8::53"},
		"none":                       {want: []fault{{required, "domain", "must be a DNS name"}}},
		"an address":                 {domain: "10.1.2.3", want: []fault{{invalid, "domain", "not an address"}}},
		"a wildcard":                 {domain: "*.example.com", want: []fault{{invalid, "domain", "a lowercase RFC 1123 subdomain"}}},
		"empty labels":               {domain: "example..com", want: []fault{{invalid, "domain", "a lowercase RFC 1123 subdomain"}}},
		"a long label":               {domain: longLabel + ".com", want: []fault{{invalid, "domain", "each label: must be no more than 63"}}},
		"a long name":                {domain: longName, want: []fault{{invalid, "domain", "must be no more than 253"}}},
		"a name server that is none": {domain: "example.com", nameServer: "https://x", want: []fault{{invalid, "nameServer", "RFC 1123"}}},
	} {
		t.Run(name, func(t *testing.T) {
			requireFaults(t, validation.ValidateDomain(&dns.Domain{ObjectMeta: meta("a.b"), Domain: test.domain, NameServer: test.nameServer}), test.want...)
		})
	}
	requireFaults(t, validation.ValidateDomain(&dns.Domain{ObjectMeta: meta("A"), Domain: "example.com"}), fault{invalid, "metadata.name", "RFC 1123"})
}

func TestServiceDNSRecord(t *testing.T) {
	for name, test := range map[string]struct {
		name string
		spec dns.ServiceDNSRecordSpec
		want []fault
	}{
		"the walkthrough's":           {spec: dns.ServiceDNSRecordSpec{DomainRef: "exampledomain", RecordTTL: 300}},
		"everything":                  {spec: dns.ServiceDNSRecordSpec{DomainRef: "a.b", RecordTTL: 1<<31 - 1, DNSPrefix: "www.shop", ExternalName: "Foo", AllowServiceWithoutEndpoints: true}},
		"nothing":                     {want: []fault{{required, "spec.domainRef", "the name of a Domain"}}},
		"a negative TTL":              {spec: dns.ServiceDNSRecordSpec{DomainRef: "d", RecordTTL: -1}, want: []fault{{invalid, "spec.recordTTL", "between 0 and 2147483647 seconds"}}},
		"a TTL beyond 31 bits":        {spec: dns.ServiceDNSRecordSpec{DomainRef: "d", RecordTTL: 1 << 31}, want: []fault{{invalid, "spec.recordTTL", "between 0 and 2147483647 seconds"}}},
		"a domain that is no name":    {spec: dns.ServiceDNSRecordSpec{DomainRef: "d/e"}, want: []fault{{invalid, "spec.domainRef", "RFC 1123"}}},
		"a domain in capitals":        {spec: dns.ServiceDNSRecordSpec{DomainRef: "Domain"}, want: []fault{{invalid, "spec.domainRef", "in lower case"}}},
		"a domain with a long label":  {spec: dns.ServiceDNSRecordSpec{DomainRef: longLabel}, want: []fault{{invalid, "spec.domainRef", "each label"}}},
		"a prefix that is a wildcard": {spec: dns.ServiceDNSRecordSpec{DomainRef: "d", DNSPrefix: "*"}, want: []fault{{invalid, "spec.dnsPrefix", "RFC 1123"}}},
		"a long external name":        {spec: dns.ServiceDNSRecordSpec{DomainRef: "d", ExternalName: longLabel}, want: []fault{{invalid, "spec.externalName", "each label"}}},
		"not the name of a service":   {name: "a.b", spec: dns.ServiceDNSRecordSpec{DomainRef: "d"}, want: []fault{{invalid, "metadata.name", "must be the name of a Service"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.name == "" {
				test.name = "nginx"
			}
			requireFaults(t, validation.ValidateServiceDNSRecord(&dns.ServiceDNSRecord{ObjectMeta: meta(test.name), Spec: test.spec}), test.want...)
		})
	}
}

func TestIngressDNSRecord(t *testing.T) {
	for name, test := range map[string]struct {
		spec dns.IngressDNSRecordSpec
		want []fault
	}{
		"no hosts":           {},
		"hosts":              {spec: dns.IngressDNSRecordSpec{Hosts: []string{"www.example.com", "*.example.org", "Shop.example.com."}, RecordTTL: 60}},
		"an empty host":      {spec: dns.IngressDNSRecordSpec{Hosts: []string{"a", ""}}, want: []fault{{required, "spec.hosts[1]", "must be a DNS name"}}},
		"an address":         {spec: dns.IngressDNSRecordSpec{Hosts: []string{"1.2.3.4"}}, want: []fault{{invalid, "spec.hosts[0]", "not an address"}}},
		"the same host":      {spec: dns.IngressDNSRecordSpec{Hosts: []string{"a.b", "A.b."}}, want: []fault{{duplicate, "spec.hosts[1]", ""}}},
		"a wildcard within":  {spec: dns.IngressDNSRecordSpec{Hosts: []string{"a.*.b"}}, want: []fault{{invalid, "spec.hosts[0]", "RFC 1123"}}},
		"a wildcard, broken": {spec: dns.IngressDNSRecordSpec{Hosts: []string{"*.-"}}, want: []fault{{invalid, "spec.hosts[0]", `"*.-"`}}},
		"a wildcard alone":   {spec: dns.IngressDNSRecordSpec{Hosts: []string{"*."}}, want: []fault{{required, "spec.hosts[0]", ""}}},
		"too many hosts":     {spec: dns.IngressDNSRecordSpec{Hosts: make([]string, 257)}, want: []fault{{tooMany, "spec.hosts", "at most 256"}}},
		"a negative TTL":     {spec: dns.IngressDNSRecordSpec{RecordTTL: -1}, want: []fault{{invalid, "spec.recordTTL", "between 0"}}},
	} {
		t.Run(name, func(t *testing.T) {
			requireFaults(t, validation.ValidateIngressDNSRecord(&dns.IngressDNSRecord{ObjectMeta: meta("my.ingress"), Spec: test.spec}), test.want...)
		})
	}
}

func TestDNSEndpoint(t *testing.T) {
	record := func(name, kind string, targets ...string) *dns.Endpoint {
		return &dns.Endpoint{DNSName: name, RecordType: kind, Targets: targets}
	}
	for name, test := range map[string]struct {
		endpoints []*dns.Endpoint
		want      []fault
	}{
		"none": {},
		"all kinds": {endpoints: []*dns.Endpoint{
			record("a.example.com", "A", "1.1.1.1", "2.2.2.2"), record("a.example.com", "AAAA", "2001:db8::1"),
			record("*.example.com", "CNAME", "a.example.com."), record("_sip._tcp.example.com", "SRV", "0 1 5060 a.example.com."),
			record("a.example.com", "TXT", "anything, even this"), record("_acme.example.com", "CNAME", "_x.example.org"),
		}},
		"null":             {endpoints: []*dns.Endpoint{nil}, want: []fault{{required, "spec.endpoints[0]", "must be a DNS record"}}},
		"empty":            {endpoints: []*dns.Endpoint{{}}, want: []fault{{required, "spec.endpoints[0].dnsName", ""}, {field.ErrorTypeNotSupported, "spec.endpoints[0].recordType", `"A", "AAAA", "CNAME"`}}},
		"no targets":       {endpoints: []*dns.Endpoint{record("a", "A")}, want: []fault{{required, "spec.endpoints[0].targets", ""}}},
		"a wrong name":     {endpoints: []*dns.Endpoint{record("a_..b", "A", "1.1.1.1")}, want: []fault{{invalid, "spec.endpoints[0].dnsName", `"a_..b"`}}},
		"a long name":      {endpoints: []*dns.Endpoint{record(longName, "A", "1.1.1.1")}, want: []fault{{field.ErrorTypeTooLong, "spec.endpoints[0].dnsName", "253"}}},
		"a negative TTL":   {endpoints: []*dns.Endpoint{{DNSName: "a", RecordType: "A", Targets: []string{"1.1.1.1"}, RecordTTL: -5}}, want: []fault{{invalid, "spec.endpoints[0].recordTTL", ""}}},
		"A with a name":    {endpoints: []*dns.Endpoint{record("a", "A", "1.1.1.1", "b")}, want: []fault{{invalid, "spec.endpoints[0].targets[1]", "an IPv4 address"}}},
		"A with IPv6":      {endpoints: []*dns.Endpoint{record("a", "A", "::1")}, want: []fault{{invalid, "spec.endpoints[0].targets[0]", "an IPv4 address"}}},
		"AAAA with IPv4":   {endpoints: []*dns.Endpoint{record("a", "AAAA", "1.1.1.1")}, want: []fault{{invalid, "spec.endpoints[0].targets[0]", "an IPv6 address"}}},
		"AAAA with a zone": {endpoints: []*dns.Endpoint{record("a", "AAAA", "fe80::1%eth0")}, want: []fault{{invalid, "spec.endpoints[0].targets[0]", "an IPv6 address"}}},
		"two CNAMEs":       {endpoints: []*dns.Endpoint{record("a", "CNAME", "b", "c")}, want: []fault{{tooMany, "spec.endpoints[0].targets", "at most 1"}}},
		"a circle":         {endpoints: []*dns.Endpoint{record("a.b", "CNAME", "A.b.")}, want: []fault{{invalid, "spec.endpoints[0].targets[0]", "must not be the name itself"}}},
		"CNAME to an IP":   {endpoints: []*dns.Endpoint{record("a.b", "CNAME", "1.1.1.1")}, want: []fault{{invalid, "spec.endpoints[0].targets[0]", "not an address"}}},
		"an empty text":    {endpoints: []*dns.Endpoint{record("a.b", "TXT", "")}, want: []fault{{required, "spec.endpoints[0].targets[0]", ""}}},
		"twice":            {endpoints: []*dns.Endpoint{record("a", "A", "1.1.1.1"), record("A.", "A", "1.1.1.2")}, want: []fault{{duplicate, "spec.endpoints[1]", "A A."}}},
		"CNAME, others":    {endpoints: []*dns.Endpoint{record("a", "A", "1.1.1.1"), record("a", "CNAME", "b")}, want: []fault{{invalid, "spec.endpoints[1].recordType", "must have nothing else"}}},
		"others, CNAME":    {endpoints: []*dns.Endpoint{record("a", "CNAME", "b"), record("a", "AAAA", "::1")}, want: []fault{{invalid, "spec.endpoints[1].recordType", "must have nothing else"}}},
		"too many records": {endpoints: make([]*dns.Endpoint, 4097), want: []fault{{tooMany, "spec.endpoints", "at most 4096"}}},
		"too many targets": {endpoints: []*dns.Endpoint{record("a", "TXT", make([]string, 4097)...)}, want: []fault{{tooMany, "spec.endpoints[0].targets", "at most 4096"}}},
	} {
		t.Run(name, func(t *testing.T) {
			requireFaults(t, validation.ValidateDNSEndpoint(&dns.DNSEndpoint{ObjectMeta: meta("service-nginx"), Spec: dns.DNSEndpointSpec{Endpoints: test.endpoints}}), test.want...)
		})
	}
}

func TestDNSEndpointStatus(t *testing.T) {
	for observed, want := range map[int64][]fault{
		0: nil, 7: nil, -1: {{invalid, "status.observedGeneration", "must not be negative"}},
	} {
		t.Run(fmt.Sprint(observed), func(t *testing.T) {
			requireFaults(t, validation.ValidateDNSEndpointStatus(&dns.DNSEndpoint{Status: dns.DNSEndpointStatus{ObservedGeneration: &observed}}), want...)
		})
	}
}
