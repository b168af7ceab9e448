#!/usr/bin/env bash
# Runs scripts/check-programs on tiny programs: a good one must pass; one whose GNU_RELRO is not
# mapped, one that ends with an error, one that looks for libraries in the current folder, one that lacks
# a flag of a release and an empty folder must each be named.
# Usage: check_programs_test.sh SOURCE_DIR
set -euo pipefail
check=$1/scripts/check-programs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
failures=0

options=()
expect() {  # exit code, a text that the output must have
  local code=0
  output=$("$check" "$work" "${options[@]}" 2>&1) || code=$?
  if ((code != $1)) || [[ $output != *"$2"* ]]; then
    printf 'must exit with %d and say "%s", got %d and:\n%s\n' "$1" "$2" "$code" "$output"
    failures=$((failures + 1))
  fi
}

link_program() {  # name, exit code, options
  echo "int main() { return $2; }" | g++ -x c++ - -o "$work/bin/$1" "${@:3}"
}

# Links `longspan` as a release is, with further options that may take a flag away.
link_release() {
  cat >"$work/main.cpp" <<'END'
#include <cstring>
int main(int count, char** words) {
  char text[16];
  std::strcpy(text, words[0] + std::strlen(words[0]) - 8);
  return text[0] == 'l' && count > 1 ? 0 : 1;
}
END
  g++ -O1 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 "$work/main.cpp" -o "$work/bin/longspan" -pie \
    -Wl,-z,relro,-z,now,-z,noexecstack "$@"
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

rm "$work/bin/"*
for path in /usr/lib: :/usr/lib /usr/lib::/lib lib ./lib; do
  link_program good 0 -Wl,-rpath,"$path"
  expect 1 "bin/good: a folder of its RUNPATH must be absolute or begin with \$ORIGIN, got \""
done
link_program good 0 -Wl,-rpath,"/usr/lib:\$ORIGIN/../lib"
expect 0 "programs: 1 checked, 0 faults"

rm "$work/bin/good"
options=(--hardened)
link_release
expect 0 "programs: 1 checked, 0 faults"
link_release -no-pie -fno-PIE
expect 1 "bin/longspan: it must be position independent (-pie)"
link_release -Wl,-z,norelro
expect 1 "bin/longspan: it must have GNU_RELRO (-z relro)"
link_release -Wl,-z,lazy
expect 1 "bin/longspan: the loader must bind all symbols at the start (-z now)"
link_release -Wl,-z,execstack
expect 1 "bin/longspan: its stack must not be executable (-z noexecstack)"
link_release -fno-stack-protector
expect 1 "bin/longspan: it must check its stack (-fstack-protector-strong)"
link_release -U_FORTIFY_SOURCE
expect 1 "bin/longspan: it must check buffers (-D_FORTIFY_SOURCE=2)"
exit $((failures > 0))
