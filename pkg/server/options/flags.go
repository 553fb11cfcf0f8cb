package options

import (
	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// Flags returns the flags that set the options, grouped as in other Kubernetes
// components.
func (o *Options) Flags() cliflag.NamedFlagSets {
	var groups cliflag.NamedFlagSets
	r := o.Recommended

	federation := groups.FlagSet("federation")
	federation.StringVar(&o.Federation.Namespace, "kubefed-namespace", o.Federation.Namespace,
		"The namespace of the host cluster that holds the member clusters, their credentials, the type configurations and the KubeFedConfig in force.")
	federation.BoolVar(&o.Federation.LeaderElect, "leader-elect", o.Federation.LeaderElect,
		"Elect one of several replicas, by a Lease in the --kubefed-namespace of the host, to run the controllers. "+
			"Without --etcd-servers there can be only one replica, which leads without election.")
	federation.BoolVar(&o.Federation.SelfManagedServingCert, "self-managed-serving-certificate", o.Federation.SelfManagedServingCert,
		"Make and renew the serving certificate, shared by all replicas in the Secret federation-apiserver-serving-cert of the --kubefed-namespace, "+
			"and keep its authority in the caBundle of the APIServices that lead here.")
	federation.StringSliceVar(&o.Federation.ForbiddenMemberAddresses, "forbidden-member-addresses", o.Federation.ForbiddenMemberAddresses,
		"Ranges of IP addresses to which no connection to a member is made, whatever its apiEndpoint or proxyURL names or resolves to. "+
			"The default is where clouds tell a machine its credentials, and all link-local addresses; add 127.0.0.0/8 and ::1/128 where no member is on this machine.")
	federation.StringSliceVar(&o.Federation.WithheldGroups, "proxy-withheld-groups", o.Federation.WithheldGroups,
		"Groups of the host, such as system:masters, that its users do not have in members when they reach them through KubeFedCluster/proxy. "+
			"Without it a user has in a member the groups that he has in the host.")
	o.Policy.addFlags(groups.FlagSet("policy"))

	embedded := groups.FlagSet("embedded etcd")
	embedded.StringVar(&o.EmbeddedEtcd.Config.DataDir, "data-dir", o.EmbeddedEtcd.Config.DataDir,
		"The directory of the etcd that runs inside this process when there are no --etcd-servers. It is made if missing, and closed to other users.")
	embedded.Int64Var(&o.EmbeddedEtcd.Config.QuotaBytes, "embedded-etcd-quota-bytes", o.EmbeddedEtcd.Config.QuotaBytes,
		"The size in bytes of the embedded etcd's database beyond which writes are refused.")
	embedded.BoolVar(&o.EmbeddedEtcd.Config.UnsafeNoFsync, "embedded-etcd-unsafe-no-fsync", o.EmbeddedEtcd.Config.UnsafeNoFsync,
		"Do not sync the embedded etcd to disk. A crash of the machine then loses data: for tests only.")

	add := func(group string, addFlags func(*pflag.FlagSet)) { addFlags(groups.FlagSet(group)) }
	add("generic", func(flags *pflag.FlagSet) { addAllBut(flags, o.ServerRun.AddUniversalFlags, unsupportedGenericFlags) })
	add("etcd", func(flags *pflag.FlagSet) { addAllBut(flags, r.Etcd.AddFlags, unsupportedEtcdFlags) })
	add("secure serving", r.SecureServing.AddFlags)
	add("authentication", r.Authentication.AddFlags)
	add("authorization", r.Authorization.AddFlags)
	add("auditing", r.Audit.AddFlags)
	add("features", r.Features.AddFlags)
	add("host cluster", r.CoreAPI.AddFlags)
	add("admission", r.Admission.AddFlags)
	add("egress selector", r.EgressSelector.AddFlags)
	add("traces", r.Traces.AddFlags)
	logsapi.AddFlags(o.Logs, groups.FlagSet("logs"))
	return groups
}

// unsupportedEtcdFlags are flags of the library that would have no effect here:
// the types have no other storage encoding than JSON, and one storage for all.
var unsupportedEtcdFlags = map[string]bool{
	"storage-media-type":       true,
	"etcd-servers-overrides":   true,
	"storage-backend":          true,
	"default-watch-cache-size": true,
}

// unsupportedGenericFlags go with --runtime-config, which this server has not.
var unsupportedGenericFlags = map[string]bool{
	"emulation-forward-compatible":                true,
	"runtime-config-emulation-forward-compatible": true,
}

func addAllBut(flags *pflag.FlagSet, addFlags func(*pflag.FlagSet), unsupported map[string]bool) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	addFlags(all)
	all.VisitAll(func(flag *pflag.Flag) {
		if !unsupported[flag.Name] {
			flags.AddFlag(flag)
		}
	})
}
