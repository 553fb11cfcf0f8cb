package controlplane

import (
	"path/filepath"
	"strconv"
	"strings"
)

// controllers are those on which workloads, namespaces and service accounts depend. Nodes are simulated and there is
// neither storage nor a cloud, so the others would only cost memory.
var controllers = []string{
	"clusterrole-aggregation-controller",
	"cronjob-controller",
	"daemonset-controller",
	"deployment-controller",
	"disruption-controller",
	"endpointslice-controller",
	"garbage-collector-controller",
	"horizontal-pod-autoscaler-controller",
	"job-controller",
	"namespace-controller",
	"pod-garbage-collector-controller",
	"replicaset-controller",
	"resourcequota-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"statefulset-controller",
	"ttl-after-finished-controller",
}

// etcd listens on unix sockets in a private folder, so it needs neither ports nor certificates.
func (c *ControlPlane) etcdArgs() []string {
	return []string{
		"--name=" + c.config.Name,
		"--data-dir=" + c.path("etcd", "data"),
		"--listen-client-urls=unix://" + c.etcdSocket(),
		"--listen-peer-urls=unix://peer.sock",
		// Advertised URLs have to look like this; nothing dials them.
		"--advertise-client-urls=http://localhost:2379",
		"--initial-advertise-peer-urls=http://localhost:2380",
		"--initial-cluster=" + c.config.Name + "=http://localhost:2380",
		// A sandbox survives the end of its processes, not that of the machine.
		"--unsafe-no-fsync",
		// Its warnings are about production and about a slow machine.
		"--log-level=error",
		"--log-format=console",
	}
}

func (c *ControlPlane) apiServerArgs() []string {
	return []string{
		"--etcd-servers=unix://" + c.etcdSocket(),
		"--bind-address=127.0.0.1",
		// The endpoint of the service "kubernetes" may not be a loopback address, and nobody dials it: there is no pod
		// network. This one is reserved for documentation.
		"--advertise-address=192.0.2.1",
		"--external-hostname=localhost",
		"--secure-port=" + strconv.Itoa(c.config.Port),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file=" + c.path("pki", "apiserver.crt"),
		"--tls-private-key-file=" + c.path("pki", "apiserver.key"),
		"--client-ca-file=" + c.path("pki", "ca.crt"),
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		// Nodes get the taint not-ready from this plug-in and lose it by a controller that does not run.
		"--disable-admission-plugins=TaintNodesByCondition",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-signing-key-file=" + c.path("pki", "service-account.key"),
		"--service-account-key-file=" + c.path("pki", "service-account.pub"),
		"--requestheader-client-ca-file=" + c.path("pki", "front-proxy-ca.crt"),
		"--requestheader-allowed-names=" + frontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-uid-headers=X-Remote-Uid",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.path("pki", "front-proxy-client.crt"),
		// There is one kube-apiserver per cluster, so it need not announce itself to others.
		"--feature-gates=APIServerIdentity=false,UnknownVersionInteroperabilityProxy=false",
		"--proxy-client-key-file=" + c.path("pki", "front-proxy-client.key"),
		"--audit-policy-file=" + c.auditPolicy(),
		"--audit-log-path=" + c.AuditLog(),
		"--allow-metric-labels-manifest=" + c.metricLabels(),
	}
}

func (c *ControlPlane) controllerManagerArgs() []string {
	return []string{
		"--kubeconfig=" + c.path("controller-manager.kubeconfig"),
		"--controllers=" + strings.Join(controllers, ","),
		"--service-account-private-key-file=" + c.path("pki", "service-account.key"),
		"--root-ca-file=" + c.path("pki", "ca.crt"),
		// The component's own user may do next to nothing: each controller acts as its service account.
		"--use-service-account-credentials=true",
		// With these, controllers log an error whenever they wait for their own writes to come back, which is by design.
		"--feature-gates=StaleControllerConsistencyDaemonSet=false,StaleControllerConsistencyJob=false," +
			"StaleControllerConsistencyReplicaSet=false,StaleControllerConsistencyStatefulSet=false",
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
		"--allow-metric-labels-manifest=" + c.metricLabels(),
	}
}

func (c *ControlPlane) schedulerArgs() []string {
	return []string{
		"--kubeconfig=" + c.path("scheduler.kubeconfig"),
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
		"--allow-metric-labels-manifest=" + c.metricLabels(),
	}
}

func (c *ControlPlane) kwokArgs() []string {
	stages := filepath.Join(c.config.Binaries, "kwok-stages")
	return []string{
		"--kubeconfig=" + c.path("kwok.kubeconfig"),
		"--config=" + filepath.Join(stages, "node"),
		"--config=" + filepath.Join(stages, "pod"),
		"--manage-all-nodes=true",
		// No controller judges nodes by their leases here.
		"--node-lease-duration-seconds=0",
	}
}
