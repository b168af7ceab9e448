# shellcheck shell=bash
# Sourced by the other scripts. `phase NAME COMMAND...` runs a step, says how long it took, and ends the
# script with the step's exit code when it fails.
phase() {
  local phase_name=$1 phase_begin=$SECONDS phase_code=0
  shift
  echo "== $phase_name"
  "$@" || phase_code=$?
  if ((phase_code != 0)); then
    echo "== $phase_name: failed after $((SECONDS - phase_begin)) s with exit code $phase_code" >&2
    exit "$phase_code"
  fi
  echo "== $phase_name: done in $((SECONDS - phase_begin)) s"
}

# `usage` prints the comment block at the top of the calling script, which is its --help text.
usage() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

# Two compilers of files with LibTorch's headers take some 3 GB: fewer jobs where memory is short.
set_job_count() {
  local cores memory_jobs
  cores=$(nproc)
  memory_jobs=$(awk '/^MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
  local jobs=$((memory_jobs < cores ? memory_jobs : cores))
  export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$((jobs > 1 ? jobs : 1))}
  export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$CMAKE_BUILD_PARALLEL_LEVEL}
}
