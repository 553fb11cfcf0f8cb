package command

import (
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// leaveOutBodies makes the logger leave out the bodies of requests and answers that
// client-go logs at verbosity 8 and above: templates of Secrets, and tokens, would
// be among them. contextual says that klog hands its logger out.
func leaveOutBodies(contextual bool) {
	if !contextual {
		klog.SetLogFilter(filter{})
		return
	}
	sink := klog.Background().GetSink()
	options := []klog.LoggerOption{klog.ContextualLogger(true)}
	if writer, ok := sink.(textlogger.KlogBufferWriter); ok {
		options = append(options, klog.WriteKlogBuffer(writer.WriteKlogBuffer))
	}
	klog.SetLoggerWithOptions(logr.New(bodiless{sink}), options...)
}

// filter is what bodiless is for a logger that is not handed out.
type filter struct{}

// Filter implements klog.LogFilter.
func (filter) Filter(args []any) []any { return args }

// FilterF implements klog.LogFilter.
func (filter) FilterF(format string, args []any) (string, []any) { return format, args }

// FilterS implements klog.LogFilter.
func (filter) FilterS(message string, keysAndValues []any) (string, []any) {
	return message, withoutBody(message, keysAndValues)
}

// bodiless is a sink without bodies.
type bodiless struct {
	logr.LogSink
}

// Init implements logr.LogSink. A call comes one further: through this sink.
func (b bodiless) Init(info logr.RuntimeInfo) {
	info.CallDepth++
	b.LogSink.Init(info)
}

// The words of k8s.io/client-go/rest.
const (
	requestBody  = "Request Body"
	responseBody = "Response Body"
)

// Info implements logr.LogSink.
func (b bodiless) Info(level int, message string, keysAndValues ...any) {
	b.LogSink.Info(level, message, withoutBody(message, keysAndValues)...)
}

// withoutBody replaces a body by its length.
func withoutBody(message string, keysAndValues []any) []any {
	if message != requestBody && message != responseBody {
		return keysAndValues
	}
	short := make([]any, len(keysAndValues))
	for i, value := range keysAndValues {
		if text, ok := value.(string); ok && i%2 == 1 {
			value = fmt.Sprintf("%d bytes", len(text))
		}
		short[i] = value
	}
	return short
}

// WithValues implements logr.LogSink.
func (b bodiless) WithValues(keysAndValues ...any) logr.LogSink {
	return bodiless{b.LogSink.WithValues(keysAndValues...)}
}

// WithName implements logr.LogSink.
func (b bodiless) WithName(name string) logr.LogSink {
	return bodiless{b.LogSink.WithName(name)}
}

// WithCallDepth implements logr.CallDepthLogSink.
func (b bodiless) WithCallDepth(depth int) logr.LogSink {
	if sink, ok := b.LogSink.(logr.CallDepthLogSink); ok {
		return bodiless{sink.WithCallDepth(depth)}
	}
	return b
}
