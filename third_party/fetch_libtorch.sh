#!/usr/bin/env bash
# Usage: third_party/fetch_libtorch.sh [cpu|cuda] [--wheels-only DIR | --where]
#
# Puts the pinned LibTorch wheels (the set `cpu` or `cuda`) into a cache shared by all build folders and
# prints the folder to use as TORCH_ROOT. It needs python3 with pip or venv; no root, no CUDA.
# With --wheels-only it only downloads the wheel files into DIR, for a machine without network. With --where
# it only prints the folder, which need not be there.
#
# Environment:
#   LONGSPAN_BUNDLE  a folder made by scripts/bundle-dependencies: no network is used
#   LONGSPAN_CACHE   the cache; default ~/.cache/longspan
set -euo pipefail
if [[ ${1:-} == --help ]]; then
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
  exit
fi
set_name=${1:-cpu}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lock="$here/wheels/libtorch-$set_name.lock"
cache="${LONGSPAN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/longspan}"
dest="$cache/libtorch-$set_name-$(sha256sum "$lock" | cut -c1-12)"  # another lock file, another folder

if [[ ${2:-} == --where ]]; then
  echo "$dest/torch"
  exit
fi
if [[ $(uname -m) != x86_64 ]]; then
  echo "the pinned LibTorch is for x86_64, this is $(uname -m): set TORCH_ROOT to a LibTorch of this machine" >&2
  exit 2
fi

find_pip() {  # Debian has pip in python3-pip, or in each venv
  pip=(python3 -m pip)
  if ! "${pip[@]}" --version >/dev/null 2>&1; then
    if ! python3 -m venv "$cache/venv" >&2; then
      echo "fetching LibTorch needs python3 with pip or venv: install python3-pip or python3-venv" >&2
      exit 2
    fi
    pip=("$cache/venv/bin/python" -m pip)
  fi
}

# --platform and --abi choose the same files whatever the host's Python is; they need --no-deps.
run_pip() {
  local platforms=() tag
  for tag in manylinux_2_28 manylinux_2_27 manylinux_2_25 manylinux_2_18 manylinux2014 manylinux2010 manylinux1; do
    platforms+=(--platform "${tag}_x86_64")
  done
  "${pip[@]}" "$@" --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
    --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 --abi none \
    "${platforms[@]}" -r "$lock" >&2
}

mkdir -p "$cache"
if [[ ${2:-} == --wheels-only ]]; then
  find_pip
  run_pip download -d "$3"
  exit
fi
exec 9>"$dest.lock"
flock 9  # several configures at once
if [[ ! -e "$dest/.complete" ]]; then
  find_pip
  rm -rf "$dest" "$dest.part" "$dest.tmp"
  mkdir "$dest.tmp"  # pip unpacks in TMPDIR: on the same disk the files are renamed, not copied
  source=()
  if [[ -n "${LONGSPAN_BUNDLE:-}" ]]; then
    source=(--no-index --find-links "$LONGSPAN_BUNDLE/wheels")
  fi
  echo "fetching LibTorch ($set_name) into $dest" >&2
  PIP_ROOT_USER_ACTION=ignore TMPDIR="$dest.tmp" \
    run_pip install --no-compile "${source[@]}" --target "$dest.part"
  touch "$dest.part/.complete"
  mv "$dest.part" "$dest"
  rm -rf "$dest.tmp"
fi
echo "$dest/torch"
