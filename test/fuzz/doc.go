// Package fuzz sends the server what its own OpenAPI document describes, and what
// comes of it when parts are exchanged for others: every answer must be one that a
// Kubernetes API gives, and the server must be as well after it as before.
//
// "make fuzz-api" does so for longer than "make test".
package fuzz
