// Package server tests the federation server as a process by itself: its command line, its storage, its start and its
// end. It asks a real host cluster who callers are, and no APIService leads to it.
package server
