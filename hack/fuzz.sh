#!/usr/bin/env bash
# Runs each fuzz target for FUZZTIME (30s), one after the other, and fails at the first that finds something. Go writes
# what it found to testdata/fuzz beside the target: commit that with the repair, and every "go test" tries it from then on.
# FUZZ is a pattern of targets, such as FuzzPlan or 'pkg/dns.*'.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
git grep -n -o -E '^func Fuzz[A-Za-z0-9]+' -- '*_test.go' | while IFS=: read -r file _ function; do
	package=./$(dirname "$file")
	target=${function#func }
	if [[ ! "$package/$target" =~ ${FUZZ:-.} ]]; then
		continue
	fi
	echo "== $package $target"
	go test "$package" -run='^$' -fuzz="^$target\$" -fuzztime="${FUZZTIME:-30s}" -fuzzminimizetime=100x </dev/null
done
