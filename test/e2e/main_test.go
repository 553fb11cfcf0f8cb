package e2e

import (
	"os"
	"testing"

	"github.com/kubefederation/federation-apiserver/test/env"
)

func TestMain(m *testing.M) { os.Exit(env.Run(m)) }
