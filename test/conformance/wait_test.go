package conformance

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/wait"
)

// background is for what a test does after its own context has ended.
var background = context.Background()

// patience bounds how long a check waits for what must come by itself.
const patience = 3 * time.Minute

// hostPatience is patience with the host: what it could not read of a server at once
// it reads again after a minute.
const hostPatience = 3 * time.Minute

// interval is the time between two looks at what a check waits for.
const interval = 150 * time.Millisecond

// eventually waits for a condition.
func (c *trial) eventually(what string, holds func() bool) {
	c.Helper()
	err := poll(holds)
	require.NoError(c, err, "waited %s for %s", patience, what)
}

func poll(holds func() bool) error { return pollFor(patience, interval, holds) }

func pollFor(limit, interval time.Duration, holds func() bool) error {
	return wait.PollUntilContextTimeout(background, interval, limit, true, func(context.Context) (bool, error) { return holds(), nil })
}
