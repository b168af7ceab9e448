#!/usr/bin/env bash
# Installs a build, moves that, and has another project find it by find_package(longspan), link it and train.
# Usage: consumer_test.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quietly() {
  "$@" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
}
quietly cmake --install "$1" --prefix "$work/first"
mv "$work/first" "$work/moved"
quietly cmake -S "$2/tests/integration/scripts/consumer" -B "$work/build" -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_PREFIX_PATH="$work/moved"
quietly cmake --build "$work/build"
quietly "$work/build/ten_steps" "$2/configs/tests/tiny.yaml" "$work/shards" "$work/run"
grep -qx "trained 10 steps" "$work/log"
test -f "$work/run/checkpoints/step-000000010/manifest.json"
if "$work/build/ten_steps" "$work/absent.yaml" "$work/shards" "$work/run" 2>"$work/log"; then
  echo "a configuration that is not there must be an error" && exit 1
fi
grep -q "^ten_steps: .*absent.yaml" "$work/log"
