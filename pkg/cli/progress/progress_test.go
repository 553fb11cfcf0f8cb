package progress

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func report(r *Reporter) {
	r.Doing("creating %s", "a")
	r.Done("%s created", "a")
	r.Note("%s stays", "b")
	r.Doing("creating %s", "c")
	r.Close()
	r.Close()
}

func TestPlainLinesSayWhatWasDone(t *testing.T) {
	var out bytes.Buffer
	report(New(&out))
	require.Equal(t, "a created\nb stays\n", out.String())
}

func TestATerminalShowsWhatIsUnderWay(t *testing.T) {
	var out bytes.Buffer
	report(onTerminal(&out, true))
	const clear = "\r\x1b[K"
	require.Equal(t, clear+"  creating a ..."+
		clear+"\x1b[32m✓\x1b[0m a created\n"+
		clear+"\x1b[33m!\x1b[0m b stays\n"+
		clear+"  creating c ..."+clear, out.String())
	out.Reset()
	report(onTerminal(&out, false))
	require.Equal(t, clear+"  creating a ..."+clear+"✓ a created\n"+clear+"! b stays\n"+clear+"  creating c ..."+clear, out.String())
}
