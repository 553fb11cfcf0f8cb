package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// buildLimit is for the first build of a tool.
const buildLimit = 10 * time.Minute

// promcheck judges rules and dashboards with Prometheus' own code: hack/tools/promcheck. Times are seconds.
type promcheck struct {
	Rules      []string   `json:"rules"`
	Dashboards []string   `json:"dashboards"`
	Scrapes    []scrape   `json:"scrapes"`
	Scenarios  []scenario `json:"scenarios"`
}

type scrape struct {
	At     float64           `json:"at"`
	Labels map[string]string `json:"labels"`
	File   string            `json:"file"`
	Down   bool              `json:"down"`
}

type scenario struct {
	Name    string   `json:"name"`
	Until   float64  `json:"until"`
	Changes []change `json:"changes"`
}

type change struct {
	Select string            `json:"select"`
	To     *float64          `json:"to"`
	Rate   float64           `json:"rate"`
	As     map[string]string `json:"as"`
	From   float64           `json:"from"`
}

type judgement struct {
	Errors []string `json:"errors"`
	Alerts []struct {
		Name    string   `json:"name"`
		Missing []string `json:"missing"`
	} `json:"alerts"`
	Queries []struct {
		Dashboard  string   `json:"dashboard"`
		Panel      string   `json:"panel"`
		Expression string   `json:"expression"`
		Missing    []string `json:"missing"`
		Series     int      `json:"series"`
	} `json:"queries"`
	Scenarios []struct {
		Name   string  `json:"name"`
		Firing []alert `json:"firing"`
	} `json:"scenarios"`
}

type alert struct {
	Alert       string            `json:"alert"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// judge runs promcheck.
func (f *federation) judge(request promcheck) judgement {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx(), buildLimit)
	defer cancel()
	repository, err := binaries.FindRepository()
	require.NoError(f.t, err)
	path, err := repository.PromCheck(ctx, progress.NewWriter(os.Stderr))
	require.NoError(f.t, err)
	input, err := json.Marshal(request)
	require.NoError(f.t, err)
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, path)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &stdout, &stderr
	require.NoError(f.t, command.Run(), stderr.String())
	var verdict judgement
	require.NoError(f.t, json.Unmarshal(stdout.Bytes(), &verdict))
	return verdict
}

// server reads a path of the federation server itself, which the host does not hand on.
func (f *federation) server(path string) []byte {
	f.t.Helper()
	config := rest.CopyConfig(f.Host().Config())
	config.Host = f.Federation().Endpoint()
	config.CAData, config.CAFile = nil, f.Federation().CAFile()
	return f.read(config, path)
}

func (f *federation) read(config *rest.Config, path string) []byte {
	f.t.Helper()
	client, err := kubernetes.NewForConfig(config)
	require.NoError(f.t, err)
	data, err := client.RESTClient().Get().AbsPath(path).DoRaw(f.ctx())
	require.NoError(f.t, err)
	return data
}

const (
	serverJob = "federation-apiserver"
	hostJob   = "apiserver"
)

// scrapes reads the metrics of the server and of the host into files, as a Prometheus would at a time.
func (f *federation) scrapes(dir string, at float64) []scrape {
	f.t.Helper()
	return []scrape{f.scrapeInto(dir, serverJob, at, f.server("/metrics")), f.scrapeHost(dir, at)}
}

func (f *federation) scrapeHost(dir string, at float64) scrape {
	f.t.Helper()
	return f.scrapeInto(dir, hostJob, at, f.read(f.Host().Config(), "/metrics"))
}

func (f *federation) scrapeInto(dir, job string, at float64, data []byte) scrape {
	f.t.Helper()
	file, err := os.CreateTemp(dir, job+"-*.txt")
	require.NoError(f.t, err)
	_, err = file.Write(data)
	require.NoError(f.t, err)
	require.NoError(f.t, file.Close())
	return scrape{At: at, Labels: target(job), File: file.Name()}
}

func target(job string) map[string]string {
	return map[string]string{"job": job, "instance": job + "-0"}
}

// observability is a path in what is installed to observe the server.
func observability(elements ...string) string {
	return filepath.Join(append([]string{"..", "..", "deploy", "observability"}, elements...)...)
}
