// Package soak puts a federation under faults while several clients edit it, and holds the members against a model of
// what the clients asked for.
//
// A run is made of rounds. In each, clients edit federated objects, the clusters and the types, somebody tampers with
// copies in the members, and faults hit processes and networks. Then the faults end, everybody stops, and members must
// come to equal the intent:
//
//   - every acknowledged edit is in the storage, and nothing that nobody asked for (timeline_test.go);
//   - each member has the copies that the intent gives it, no more and no less, with the content asked for, and the
//     status of each federated object says so (compare_test.go);
//   - objects that are nobody's business are as they were (bystanders_test.go);
//   - each write of the federation in a member's audit log has a cause in the history: an edit, or a drift (audit_test.go).
//
// The model (intent_test.go) shares no code with the product. One seed makes the same edits and the same faults again;
// when which of them happens is up to the machine.
package soak
