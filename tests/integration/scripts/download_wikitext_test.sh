#!/usr/bin/env bash
# Runs scripts/download-wikitext against a server on the loopback interface that can cut answers short.
# Usage: download_wikitext_test.sh SOURCE_DIR
# shellcheck disable=SC2317  # check calls the functions
set -euo pipefail
download=$1/scripts/download-wikitext
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for program in python3 curl; do
  command -v "$program" >/dev/null || { echo "skipped: there is no $program" && exit 77; }
done
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$work"' EXIT
failures=0

check() {  # what, condition...
  if ! "${@:2}"; then
    echo "failed: $1"
    failures=$((failures + 1))
  fi
}
equal() { [[ $1 == "$2" ]] || { echo "  expected: $1"; echo "  got:      $2"; return 1; }; }
contains() { [[ $1 == *"$2"* ]] || { echo "  expected: $2"; echo "  in:       $1"; return 1; }; }
nothing_in() { equal "$1/.wikitext-2.lock" "$(find "$1" -type f)"; }

# An archive of 200 kB with files of 30, 5 and 7 lines, packed as the published one is.
mkdir -p "$work/pack/wikitext-2" "$work/site"
random_lines() { head -c "$2" /dev/urandom | base64 -w 0 | fold -w "$3" | head -n "$1"; }
random_lines 30 200000 8888 >"$work/pack/wikitext-2/wiki.train.tokens"
seq 5 >"$work/pack/wikitext-2/wiki.valid.tokens"
seq 7 >"$work/pack/wikitext-2/wiki.test.tokens"
(cd "$work/pack" && cmake -E tar cf "$work/site/wikitext-2-v1.zip" --format=zip wikitext-2)
train_lines=$(wc -l <"$work/pack/wikitext-2/wiki.train.tokens")
zip_bytes=$(stat -c %s "$work/site/wikitext-2-v1.zip")
cp "$work/site/wikitext-2-v1.zip" "$work/whole.zip"

python3 "$here/range_server.py" "$work/site" "$work/port" &
server=$!
for _ in $(seq 100); do
  [[ -e $work/port ]] && break
  sleep 0.1
done
if ! curl --silent --output "$work/probe" "http://127.0.0.1:$(cat "$work/port")/"; then
  echo "skipped: nothing on the loopback interface can be reached"
  exit 77
fi
LONGSPAN_WIKITEXT_URL="http://127.0.0.1:$(cat "$work/port")"
LONGSPAN_WIKITEXT_MD5=$(md5sum <"$work/whole.zip" | cut -c1-32)
LONGSPAN_WIKITEXT_LINES="$train_lines 5 7"
export LONGSPAN_WIKITEXT_URL LONGSPAN_WIKITEXT_MD5 LONGSPAN_WIKITEXT_LINES

run() {  # folder under $work; sets code and output
  code=0
  output=$("$download" 2 "$work/$1" 2>&1) || code=$?
}
start_case() {
  rm -f "$work/site/"{requests,cut,slow}
  cp "$work/whole.zip" "$work/site/wikitext-2-v1.zip"
}
requests() { cat "$work/site/requests" 2>/dev/null || true; }

start_case
run plain
check "plain: exit code" equal 0 "$code"
check "plain: files" cmp "$work/pack/wikitext-2/wiki.train.tokens" "$work/plain/wikitext-2/wiki.train.tokens"
check "plain: nothing else is left" equal wikitext-2 "$(ls -A "$work/plain")"
run plain
check "again: exit code" equal 0 "$code"
check "again: says so" contains "$output" "is there already"
check "again: one request in all" equal "/wikitext-2-v1.zip all" "$(requests)"

start_case
echo 50000 >"$work/site/cut"
run cut
check "cut off: exit code" equal 0 "$code"
check "cut off: goes on" equal $'/wikitext-2-v1.zip all\n/wikitext-2-v1.zip bytes=50000-' "$(requests)"
check "cut off: files" cmp "$work/pack/wikitext-2/wiki.train.tokens" "$work/cut/wikitext-2/wiki.train.tokens"

start_case
touch "$work/site/slow"
setsid "$download" 2 "$work/killed" >/dev/null 2>&1 &
script=$!
for _ in $(seq 100); do
  [[ -s $work/killed/wikitext-2-v1.zip.part ]] && break
  sleep 0.05
done
kill -KILL -- "-$script"
wait "$script" 2>/dev/null || true
check "killed: no final folder" test ! -e "$work/killed/wikitext-2"
bytes=$(stat -c %s "$work/killed/wikitext-2-v1.zip.part")
check "killed: a part is kept" test "$bytes" -gt 0 -a "$bytes" -lt "$zip_bytes"
rm "$work/site/slow"
run killed
check "killed: exit code of the second run" equal 0 "$code"
check "killed: says from where it goes on" contains "$output" "going on from $bytes bytes"
check "killed: goes on" contains "$(requests)" "bytes=$bytes-"
check "killed: files" cmp "$work/pack/wikitext-2/wiki.train.tokens" "$work/killed/wikitext-2/wiki.train.tokens"

start_case
mkdir "$work/whole_part"
cp "$work/whole.zip" "$work/whole_part/wikitext-2-v1.zip.part"
run whole_part
check "a part that is whole: exit code" equal 0 "$code"

start_case
printf 'X' | dd of="$work/site/wikitext-2-v1.zip" bs=1 seek=1000 conv=notrunc status=none
run corrupt
check "corrupt: exit code" equal 3 "$code"
check "corrupt: names both checksums" contains "$output" \
  "must be $LONGSPAN_WIKITEXT_MD5, got $(md5sum <"$work/site/wikitext-2-v1.zip" | cut -c1-32); the file was removed"
check "corrupt: leaves nothing" nothing_in "$work/corrupt"

start_case
truncate -s 70000 "$work/site/wikitext-2-v1.zip"
run truncated
check "truncated: exit code" equal 3 "$code"
check "truncated: leaves nothing" nothing_in "$work/truncated"

start_case
LONGSPAN_WIKITEXT_LINES="$train_lines 5 8" run lines
check "lines: exit code" equal 3 "$code"
check "lines: names the file" contains "$output" "wiki.test.tokens must have 8 lines, got 7"
check "lines: no final folder" test ! -e "$work/lines/wikitext-2"

start_case
rm "$work/site/wikitext-2-v1.zip"
run missing
check "missing: exit code" equal 3 "$code"
check "missing: names the address" contains "$output" "could not fetch the whole of $LONGSPAN_WIKITEXT_URL/wikitext-2-v1.zip"

run_usage() { code=0 && output=$("$download" 104 2>&1) || code=$?; }
run_usage
check "usage: exit code" equal 2 "$code"
check "usage: text" equal "scripts/download-wikitext: the first argument must be 2 or 103, got 104" "$output"
exit $((failures > 0))
