package fuzz

import (
	"flag"
	"os"
	"testing"

	"github.com/kubefederation/federation-apiserver/test/env"
)

var (
	seedFlag     = flag.Uint64("api.seed", 0, "what the requests are made of; 0 is another each time")
	requestsFlag = flag.Int("api.requests", 200, "requests for each kind")
	kindsFlag    = flag.String("api.kinds", "", "regular expression of resources, such as ^domains$; empty is all")
)

func TestMain(m *testing.M) { os.Exit(env.Run(m)) }
