# shellcheck shell=bash
# Sourced by run: finds LibTorch and CUDA's libraries, and sees whether the programs start with them.
# It leaves what it found in the variables torch, torch_version, missing and broken.

programs=(bin/longspan libexec/longspan bin/gpu_test bin/gpu_benchmark)
wanted_torch=$(sed -n 's/.* torch //p' "$here/about.txt")

find_torch() {
  torch=${TORCH_ROOT:-}
  if [[ -z $torch ]]; then
    torch=$(python3 -c 'import importlib.util
found = importlib.util.find_spec("torch")
print(found.submodule_search_locations[0] if found else "")' 2>/dev/null) || torch=
  fi
  torch_version=$(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$torch/version.py" 2>/dev/null) || torch_version=
  library_path=$here/lib
  if [[ -n $torch ]]; then
    local folder
    library_path=$torch/lib
    for folder in "$(dirname "$torch")"/nvidia/*/lib; do
      library_path+=:$folder
    done
    library_path+=:$here/lib
  fi
  library_path+=${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

with_libraries() { LD_LIBRARY_PATH=$library_path "$@"; }

# Fills missing: libraries that are nowhere, and versions of the C and C++ libraries that are too old.
find_missing() {
  mapfile -t missing < <(with_libraries ldd "${programs[@]/#/$here/}" 2>&1 |
    grep 'not found' | sed -e 's/ => not found//' -e 's/.*version `\(.*\)'"'"' not found.*/\1/' -e 's/^[[:space:]]*//' | sort -u)
}

use_own_compiler_libraries() {
  if [[ ${missing[*]} == *GLIBCXX* || ${missing[*]} == *CXXABI* || ${missing[*]} == *libstdc++* || ${missing[*]} == *GCC_* ]]; then
    library_path=$here/lib/compiler:$library_path
    find_missing
  fi
}

# Fills broken: programs that do not start though their libraries are there.
find_broken() {
  local program question
  broken=()
  if ((${#missing[@]} > 0)); then
    return
  fi
  for program in "${programs[@]}"; do
    case $program in
      */longspan) question=--version ;;
      */gpu_test) question=--list-tests ;;
      *) question=--help ;;
    esac
    # shellcheck disable=SC2024
    with_libraries "$here/$program" "$question" >/dev/null 2>"$folder/start.txt" ||
      broken+=("$program ($(tail -n 1 "$folder/start.txt"))")
  done
}

# Prints how far this machine comes: LibTorch, the libraries, the programs.
state_of_libraries() {
  local state
  state="torch $torch_version at $torch"
  if [[ -z $torch_version ]]; then
    state="no torch"
  fi
  if ((${#missing[@]} > 0)); then
    state+="; of the programs' libraries not found: ${missing[*]}"
  elif ((${#broken[@]} > 0)); then
    state+="; all libraries found; do not start: ${broken[*]}"
  else
    state+="; all libraries found; all ${#programs[@]} programs start"
  fi
  echo "$state"
}

# Says, in one line, what is missing here, and ends with exit code 2; leaves the cards in gpus.
require_machine() {
  find_torch
  find_missing
  use_own_compiler_libraries
  find_broken
  local what=
  gpus=$(nvidia-smi --query-gpu=name,memory.total,driver_version,power.limit,clocks.max.sm --format=csv,noheader 2>/dev/null) || gpus=
  if [[ -z $torch_version ]]; then
    what="torch $wanted_torch: python3 finds none, and TORCH_ROOT names none"
  elif ((${#missing[@]} > 0)); then
    what="libraries that are not here"
  elif ((${#broken[@]} > 0)); then
    what="programs that start"
  elif [[ -z $gpus ]]; then
    what="an NVIDIA GPU: nvidia-smi shows none"
  elif ! gpu=$(with_libraries "$here/bin/gpu_benchmark" --device 2>&1); then
    what="a GPU that CUDA can use: $gpu"
  fi
  if [[ -n $what ]]; then
    echo "run: needs $what ($(state_of_libraries))" >&2
    exit 2
  fi
}
