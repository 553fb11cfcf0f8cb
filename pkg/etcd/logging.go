package etcd

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
)

// newLogger sends etcd's log to the server's own: warnings and errors always,
// the rest at verbosity 4. While etcd is closing its listeners report their end as
// errors, which are none; so everything is at verbosity 4 then.
func newLogger(ctx context.Context, closing *atomic.Bool) *zap.Logger {
	return zap.New(&klogCore{logger: klog.LoggerWithName(klog.FromContext(ctx), "etcd"), closing: closing})
}

type klogCore struct {
	logger  klog.Logger
	closing *atomic.Bool
	fields  []zapcore.Field
}

const infoVerbosity = 4

func (c *klogCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.WarnLevel && !c.closing.Load() || c.logger.V(infoVerbosity).Enabled()
}

func (c *klogCore) With(fields []zapcore.Field) zapcore.Core {
	return &klogCore{logger: c.logger, closing: c.closing, fields: append(c.fields[:len(c.fields):len(c.fields)], fields...)}
}

func (c *klogCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *klogCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	encoder := zapcore.NewMapObjectEncoder()
	for _, field := range c.fields {
		field.AddTo(encoder)
	}
	for _, field := range fields {
		field.AddTo(encoder)
	}
	keysAndValues := make([]any, 0, 2*len(encoder.Fields))
	for _, key := range slices.Sorted(maps.Keys(encoder.Fields)) {
		keysAndValues = append(keysAndValues, key, encoder.Fields[key])
	}
	switch {
	case c.closing.Load():
		c.logger.V(infoVerbosity).Info(entry.Message, append(keysAndValues, "level", entry.Level.String())...)
	case entry.Level >= zapcore.ErrorLevel:
		c.logger.Error(nil, entry.Message, keysAndValues...)
	case entry.Level == zapcore.WarnLevel:
		c.logger.Info(entry.Message, append(keysAndValues, "level", "warning")...)
	default:
		c.logger.V(infoVerbosity).Info(entry.Message, keysAndValues...)
	}
	return nil
}

func (c *klogCore) Sync() error {
	return nil
}
