# shellcheck shell=bash
# Sourced by run: the tests on GPUs, the kernels under NVIDIA's checker, and their times.

run_case() {  # number
  local begin=$EPOCHREALTIME code=0 word text=$folder/case-$1.txt
  # Of a test's name Catch2 reads commas, brackets and backslashes as signs.
  in_time 110 "$here/bin/gpu_test" "$(sed 's/[][,\\]/\\&/g' <<<"${cases[$1]}")" >"$text" 2>&1 || code=$?
  case $code in
    0) word=passed ;;
    4) word=skipped ;;
    *) word=failed ;;
  esac
  awk -v begin="$begin" -v end="$EPOCHREALTIME" -v word="$word" -v name="${cases[$1]}" -v why="$(reason "$code" "$text")" \
    'BEGIN { printf "%-8s %6.1f s  %s%s\n", word, end - begin, name, word == "skipped" ? " (" why ")" : "" }' >"$folder/case-$1.line"
}

# Each case in a process of its own: a kernel that faults takes no other case with it.
run_tests() {
  head_line "gpu_test, three cases at a time"
  local i passed=0
  export LONGSPAN_TEST_SOURCE=$here LONGSPAN_TEST_PROGRAM=$here/bin/longspan
  mapfile -t cases < <(with_libraries "$here/bin/gpu_test" --list-tests --verbosity quiet)
  for i in "${!cases[@]}"; do
    while (($(jobs -rp | wc -l) >= 3)); do
      wait -n
    done
    run_case "$i" &
  done
  wait
  for i in "${!cases[@]}"; do
    note "$(cat "$folder/case-$i.line")"
    case $(cat "$folder/case-$i.line") in
      passed*) passed=$((passed + 1)) ;;
      failed*)
        failures=$((failures + 1))
        note "$(grep -v '^$' "$folder/case-$i.txt" | tail -n 25 | sed 's/^/    /')"
        ;;
    esac
  done
  if ((passed == 0)); then
    fail "no case of gpu_test has passed"
  fi
}

find_sanitizer() {
  local candidate
  for candidate in "$(command -v compute-sanitizer)" /usr/local/cuda*/bin/compute-sanitizer \
    "$(dirname "$torch")"/nvidia/*/bin/compute-sanitizer; do
    if [[ -x $candidate ]]; then
      echo "$candidate"
      return
    fi
  done
}

check_accesses() {
  local tool code sanitizer
  sanitizer=$(find_sanitizer)
  for tool in memcheck racecheck; do
    head_line "compute-sanitizer $tool, each kernel once on small sizes"
    if [[ -z $sanitizer ]]; then
      note "not run: there is no compute-sanitizer here"
      continue
    fi
    code=0
    # Each tensor in memory of its own, so that what lies beside it is not its neighbour's.
    PYTORCH_NO_CUDA_MEMORY_CACHING=1 in_time 75 "$sanitizer" --tool "$tool" --error-exitcode 9 \
      "$here/bin/gpu_benchmark" --once >"$folder/$tool.txt" 2>&1 || code=$?
    if ((code == 0)); then
      note "passed: $(grep 'SUMMARY' "$folder/$tool.txt" | tail -n 1)"
    else
      fail "$(reason "$code" "$folder/$tool.txt")"
      note "$(grep -E '^=========|failed' "$folder/$tool.txt" | head -n 40 | sed 's/^/    /')"
    fi
  done
}

measure_kernels() {
  head_line "gpu_benchmark: medians of 20 calls, bf16"
  local code=0
  in_time 100 "$here/bin/gpu_benchmark" >"$folder/kernels.txt" 2>&1 || code=$?
  note "$(cat "$folder/kernels.txt")"
  if ((code != 0)); then
    fail "$(reason "$code" "$folder/kernels.txt")"
  fi
}
