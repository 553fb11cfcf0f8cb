// Package binaries builds the executables of a test environment from Go modules and keeps them in the repository's
// cache, so that only the first run pays.
package binaries
