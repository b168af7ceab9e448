#!/usr/bin/env bash
# Runs scripts/compare-steps on the program and itself, which must be equal, on the program and one whose
# learning rate is a millionth higher, which must not, and on one that trains too few steps.
# Usage: compare_steps_test.sh SOURCE_DIR PROGRAM
set -euo pipefail
compare=$1/scripts/compare-steps program=$2
[[ -x $program ]] || { echo "skipped: there is no $program" && exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

expect() {  # other program, exit code, a text that the output must have
  local code=0 output
  output=$("$compare" "$program" "$1" 2>&1) || code=$?
  if ((code != $2)) || [[ $output != *"$3"* ]]; then
    printf 'must exit with %d and say "%s", got %d and:\n%s\n' "$2" "$3" "$code" "$output"
    failures=$((failures + 1))
  fi
}

other_program() {  # name, what it overrides
  printf '#!/bin/sh\nexec "%s" "$@" --set %s\n' "$program" "$2" >"$work/$1"
  chmod +x "$work/$1"
}

expect "$program" 0 "configs/tests/tiny.yaml: 20 steps, equal"
other_program faster schedule.peak_lr=1.000001e-2
expect "$work/faster" 1 "configs/tests/tiny.yaml: DIFFERENT, first at"
other_program short train.max_steps=19
expect "$work/short" 1 "must log loss and gradient norm of 20 steps, got 19"
exit $((failures > 0))
