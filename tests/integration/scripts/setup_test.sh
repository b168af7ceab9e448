#!/usr/bin/env bash
# Runs scripts/setup where the compiler and curl seem to be missing, and without the right to install.
# Usage: setup_test.sh SOURCE_DIR
set -euo pipefail
setup=$1/scripts/setup
grep -qs '^ID=debian' /etc/os-release || { echo "skipped: this is not Debian" && exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

expect() {  # a text that the output must have
  if [[ $output != *"$1"* ]]; then
    echo "missing: $1"
    failures=$((failures + 1))
  fi
}
expect_code() {
  if ((code != $1)); then
    echo "the exit code must be $1, got $code"
    failures=$((failures + 1))
  fi
}

# All commands but the compiler and curl; apt-get, sudo and the like must not be run by this test.
mkdir "$work/bin"
ln -s /usr/bin/* "$work/bin/"
rm -f "$work/bin/"{g++,curl,apt-get,sudo}

code=0
output=$(PATH=$work/bin "$setup" --check 2>&1) || code=$?
expect_code 2
expect "missing: g++"
expect " curl"

code=0
output=$(PATH=$work/bin "$setup" 2>&1) || code=$?
expect_code 2
expect "there is no apt-get here: install what Debian calls: g++"

if ((EUID == 0)) && command -v setpriv >/dev/null; then
  ln -s /bin/false "$work/bin/apt-get"
  chmod 755 "$work"
  mkdir "$work/tree"
  cp -r "$1/scripts" "$1/third_party" "$work/tree"
  code=0
  output=$(cd / && PATH=$work/bin setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$work/tree/scripts/setup" 2>&1) || code=$?
  expect_code 2
  expect "sudo sh -e <<'END'"
  expect "apt-get -qq"
  expect "install -y --no-install-recommends g++"
  expect $'\nEND\n'
fi

if [[ $("$setup" --help) != "Usage: scripts/setup"* ]]; then
  echo "--help must print the usage"
  failures=$((failures + 1))
fi
if ((failures > 0)); then
  printf 'the last output was:\n%s\n' "$output"
  exit 1
fi
