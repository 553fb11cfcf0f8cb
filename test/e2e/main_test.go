package e2e

import (
	"os"
	"testing"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// Tests that disturb others (they stop something, or change members or configuration) run one by one. The others are
// parallel, and so run after them.
func TestMain(m *testing.M) { os.Exit(env.Run(m)) }
