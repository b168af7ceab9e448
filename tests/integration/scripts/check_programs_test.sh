#!/usr/bin/env bash
# Runs scripts/check-programs on tiny programs: a good one must pass; one whose GNU_RELRO is not
# mapped, one that ends with an error and an empty folder must each be named.
# Usage: check_programs_test.sh SOURCE_DIR
set -euo pipefail
check=$1/scripts/check-programs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
failures=0

expect() {  # exit code, a text that the output must have
  local code=0
  output=$("$check" "$work" 2>&1) || code=$?
  if ((code != $1)) || [[ $output != *"$2"* ]]; then
    printf 'must exit with %d and say "%s", got %d and:\n%s\n' "$1" "$2" "$code" "$output"
    failures=$((failures + 1))
  fi
}

link_program() {  # name, exit code
  echo "int main() { return $2; }" | g++ -x c++ - -o "$work/bin/$1"
}

# Moves the segment to where nothing is mapped: the address is the third field of the program header.
move_relro() {  # program
  python3 - "$1" <<'END'
import struct, sys
RELRO, HEADER, DISTANCE = 0x6474E552, "<IIQQQQQQ", 1 << 30
with open(sys.argv[1], "r+b") as file:
    data = file.read()
    (table,), (size, count) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<HH", data, 54)
    for offset in range(table, table + size * count, size):
        header = list(struct.unpack_from(HEADER, data, offset))
        if header[0] == RELRO:
            header[3] += DISTANCE
            file.seek(offset)
            file.write(struct.pack(HEADER, *header))
END
}

expect 1 "$work/bin: it must hold at least one program"
link_program good 0
link_program good_test 0
expect 0 "programs: 2 checked, 0 faults"
link_program ends_test 3
expect 1 "bin/ends_test: it must start with --list-tests, got exit code 3"
rm "$work/bin/ends_test"
move_relro "$work/bin/good"
expect 1 "bin/good: GNU_RELRO must lie in one writable LOAD segment, got pages "
if [[ $output != *"bin/good: it must start with --version, got exit code"* ]]; then
  printf 'a program that the loader ends must be named, got:\n%s\n' "$output"
  failures=$((failures + 1))
fi
expect 1 "programs: 2 checked, 2 faults"
exit $((failures > 0))
