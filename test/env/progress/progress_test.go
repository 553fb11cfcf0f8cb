package progress

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPlainOutputHasStepsAndRareStatuses(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.Status("too soon to be worth a line")
	w.Step("built %d things", 3)
	w.spoke = time.Now().Add(-quiet)
	w.Status("still at it")
	w.Status("and again")
	assert.Equal(t, "[   0s] built 3 things\n[   0s] ... still at it\n", out.String())
}

func TestTerminalReplacesTheStatus(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.terminal = true
	w.Status("one")
	w.Status("two")
	w.Step("done")
	assert.Equal(t, "[   0s] one \r\x1b[K[   0s] two \r\x1b[K[   0s] done\n", out.String())
}
