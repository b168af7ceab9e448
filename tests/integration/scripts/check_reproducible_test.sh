#!/usr/bin/env bash
# Compares tiny programs with scripts/check-reproducible: equal ones must pass, and the first section that
# differs must be named.
# Usage: check_reproducible_test.sh SOURCE_DIR
set -euo pipefail
check=$1/scripts/check-reproducible
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

expect() {  # exit code, a text that the output must have, program
  local code=0 output
  output=$("$check" --compare "$work/first" "$work/$3" 2>&1) || code=$?
  if ((code != $1)) || [[ $output != *"$2"* ]]; then
    printf '%s must exit with %d and say "%s", got %d and:\n%s\n' "$3" "$1" "$2" "$code" "$output"
    failures=$((failures + 1))
  fi
}

link_program() {  # name, text, exit code, options
  printf '#include <cstdio>\nint main() {\n  std::puts("%s");\n  return %s;\n}\n' "$2" "$3" |
    g++ -x c++ - -o "$work/$1" -Wl,--build-id=none "${@:4}"
}

link_program first one 0
link_program second one 0
expect 0 "equal: " second
link_program text two 0
expect 1 "first difference: section .rodata" text
link_program code one 1
expect 1 "first difference: section .text" code
link_program path one 0 -Wl,-rpath,/home/builder
expect 1 "first difference: section .dyn" path
link_program named one 0 -Wl,--build-id
expect 1 "first difference: the names of the sections" named
(cat "$work/first" && echo more) >"$work/longer"
expect 1 "first difference: outside the sections" longer
exit $((failures > 0))
