// Package exit gives errors of commands the exit status that they end with.
package exit

import "errors"

// Error ends a command with a status of its own.
type Error struct {
	// Code is the exit status.
	Code int
	// Err is what to tell; nil if all has been told already.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap returns what to tell.
func (e *Error) Unwrap() error { return e.Err }

// With gives err the status, unless it is nil or has one already.
func With(code int, err error) error {
	var own *Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	return &Error{Code: code, Err: err}
}

// Status returns the exit status of an error: 0 for nil, 1 for one that has none
// of its own. quiet says that there is nothing to tell.
func Status(err error) (code int, quiet bool) {
	if err == nil {
		return 0, true
	}
	var own *Error
	if errors.As(err, &own) {
		return own.Code, own.Err == nil
	}
	return 1, false
}
