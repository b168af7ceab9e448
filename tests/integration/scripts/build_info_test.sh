#!/usr/bin/env bash
# Writes the header that `longspan --version` gets its commit from, in small repositories: it must name the
# commit of that folder, and say where the folder differs from it.
# Usage: build_info_test.sh SOURCE_DIR
set -euo pipefail
writer=$1/scripts/cmake/WriteBuildInfo.cmake
command -v git >/dev/null || { echo "skipped: there is no git" && exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
export HOME=$work GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
run_git() { git -C "$work/tree" -c user.name=name -c user.email=mail "$@"; }

expect() {  # case, commit, folder, NAME=VALUE...
  local found
  env "${@:4}" cmake -DSOURCE="$3" -DOUTPUT="$work/info.h" -DGIT="$(command -v git)" -DVERSION=1 -P "$writer"
  found=$(sed -n 's/.*kCommit\[\] = "\(.*\)";/\1/p' "$work/info.h")
  if [[ $found != "$2" ]]; then
    echo "$1: the commit must be $2, got $found"
    failures=$((failures + 1))
  fi
}

mkdir -p "$work/tree/folder"
expect "no repository" unknown "$work/tree"
git -C "$work/tree" init --quiet
echo one >"$work/tree/file"
echo one >"$work/tree/folder/file"
run_git add .
run_git commit --quiet -m one
commit=$(run_git rev-parse --short=12 HEAD)
expect "clean" "$commit" "$work/tree"
run_git tag -a v1 -m v1
expect "tagged" "$commit" "$work/tree"
touch "$work/tree/file"
expect "touched" "$commit" "$work/tree"

echo two >>"$work/tree/file"
expect "changed" "$commit-dirty" "$work/tree"
run_git add file
expect "staged" "$commit-dirty" "$work/tree"
run_git reset --quiet --hard
rm "$work/tree/file"
expect "removed" "$commit-dirty" "$work/tree"
run_git reset --quiet --hard
chmod +x "$work/tree/file"
expect "other mode" "$commit-dirty" "$work/tree"
run_git reset --quiet --hard

run_git worktree add --quiet "$work/second"
expect "a second work tree" "$commit" "$work/second"
echo two >>"$work/second/file"
expect "a second work tree, changed" "$commit-dirty" "$work/second"

# Sources that were unpacked inside another project's repository are not that project's commit.
expect "a folder of another repository" unknown "$work/tree/folder"
# git sets these for the commands of its hooks.
git init --quiet "$work/other"
expect "GIT_DIR of another" "$commit" "$work/tree" GIT_DIR="$work/other/.git" GIT_WORK_TREE="$work/other"
expect "GIT_INDEX_FILE of another" "$commit" "$work/tree" GIT_INDEX_FILE="$work/other/.git/index"
if ((EUID == 0)) && command -v setpriv >/dev/null; then
  chown -R 65534:65534 "$work/tree"
  expect "another's folder" "$commit" "$work/tree"
fi
exit $((failures > 0))
