package federatedtypes

import "context"

type trial struct{}

// onTrial marks a dry run. What the server notes about a write is left out of its
// answer: kubectl diff shows what the user changes, and nothing else.
func onTrial(ctx context.Context, dryRun []string) context.Context {
	if len(dryRun) == 0 {
		return ctx
	}
	return context.WithValue(ctx, trial{}, true)
}

func isOnTrial(ctx context.Context) bool {
	return ctx.Value(trial{}) != nil
}
