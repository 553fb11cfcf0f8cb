package command

import (
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
)

func TestBodiesAreLeftOut(t *testing.T) {
	var lines []string
	inner := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{Verbosity: 10})
	logger := logr.New(bodiless{inner.GetSink()}).WithName("a").WithValues("b", "c").WithCallDepth(1)
	logger.V(8).Info("Request Body", "body", "s3cret")
	logger.V(8).Info("Response Body", "body", "s3cret", "code", 200)
	logger.Info("Something else", "body", "shown")
	require.Len(t, lines, 3)
	require.Contains(t, lines[0], `"body"="6 bytes"`)
	require.Contains(t, lines[1], `"body"="6 bytes" "code"=200`)
	require.Contains(t, lines[2], `"body"="shown"`)
	require.NotContains(t, lines[0]+lines[1], "s3cret")

	_, values := filter{}.FilterS("Request Body", []any{"body", "s3cret"})
	require.Equal(t, []any{"body", "6 bytes"}, values)
}
