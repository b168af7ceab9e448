# shellcheck shell=bash
# Sourced by run: trains the model of configs/wikitext103.yaml on made-up text.
updates=8
measured=5  # of them the last
# A rate at which few updates change the losses: the config's warm-up begins with 1e-7.
small=(--set model.num_layers=2 --set train.batch_tokens=36864 --set data.seq_len=512 --set schedule.warmup_init_lr=0.1)

# Every word of WikiText-103's vocabulary once, then words that are rarer the higher their number.
write_text() {  # seed, words, tokens
  awk -v seed="$1" -v words="$2" -v tokens="$3" 'BEGIN {
    srand(seed)
    for (i = 0; i < tokens; i++)
      printf "w%d%s", (i < words ? i : int(words * rand() ^ 4)), (i % 24 == 23 ? "\n" : " ")
    print ""
  }'
}

write_texts() {
  write_text 1 267735 900000 >"$folder/train.txt"
  write_text 2 267735 20000 >"$folder/valid.txt"
  settings=(--set data.train="$folder/train.txt" --set data.valid="$folder/valid.txt"
    --set data.test="$folder/valid.txt" --set data.shards="$folder/shards" --set data.expect=none
    --set train.precision=bf16 --set log.every_steps=1 --set validate.max_targets=512 --set validate.every_steps=0
    --set validate.extrapolation_lengths='[]' --set checkpoint.every_steps=0)
}

# Trains a run of a name; when it fails, says so under that name and counts it.
train() {  # name, seconds, device, processes, further arguments
  local code=0
  in_time "$2" "$here/bin/longspan" train "$here/configs/wikitext103.yaml" --run "$folder/$1" --quiet \
    --device "$3" --processes "$4" "${settings[@]}" "${@:5}" >"$folder/$1.txt" 2>&1 || code=$?
  if ((code != 0)); then
    fail "$1: $(reason "$code" "$folder/$1.txt")"
  fi
  return "$code"
}

# Prints a key of a run, a line an update.
values() { grep -o "\"$2\":[^,}]*" "$folder/$1/metrics.jsonl" | cut -d: -f2; }

median_of() { values "$1" "$2" | tail -n "$measured" | sort -g | awk '{value[NR] = $1} END {print value[int((NR + 1) / 2)]}'; }

# Prints the TFLOP/s of a card's tensor cores in bf16, without sparsity, by its data sheet.
peak_of() {
  case $1 in
    *H100*PCIe*) echo 756 ;;
    *H100*NVL*) echo 835 ;;
    *H100* | *H200*) echo 989 ;;
    *A100*) echo 312 ;;
    *) echo 0 ;;
  esac
}

measure() {  # position, length, processes
  local run=$1-$2-$3 options=(--set position.kind="$1" --set data.seq_len="$2")
  if train "$run" 75 cuda "$3" "${options[@]}" --set train.max_steps="$updates"; then
    local flop
    flop=$(in_time 30 "$here/bin/longspan" plan "$here/configs/wikitext103.yaml" --json "${settings[@]}" "${options[@]}" 2>/dev/null |
      grep -o '"flop_per_token": *[^,}]*' | cut -d: -f2)
    note "$(awk -v kind="$1" -v length_="$2" -v gpus="$3" -v flop="${flop:-0}" -v peak="$(peak_of "$gpu")" \
      -v rate="$(median_of "$run" perf/tokens_per_second)" -v seconds="$(median_of "$run" perf/step_seconds)" \
      -v bytes="$(median_of "$run" memory/peak_bytes)" 'BEGIN {
        mfu = flop * peak > 0 ? sprintf("%.1f %%", rate * flop / gpus / peak / 1e10) : "-"
        printf "%-10s %6d %5d %12.0f %10.3f %10.2f %8s", kind, length_, gpus, rate, seconds, bytes / 2 ^ 30, mfu
      }')"
  fi
  rm -rf "${folder:?}/$run"
}

measure_training() {
  local kind length
  head_line "training, bf16, $updates updates of 73,728 tokens, medians of the last $measured"
  note "$(printf '%-10s %6s %5s %12s %10s %10s %8s' position L GPUs tokens/s 's/update' 'GiB, peak' MFU)"
  for length in 512 3072 1024; do
    for kind in alibi none t5 rotary; do
      measure "$kind" "$length" 1
    done
  done
  if (($(wc -l <<<"$gpus") > 1)); then
    measure alibi 512 "$(wc -l <<<"$gpus")"
  fi
  note "MFU: of $(peak_of "$gpu") TFLOP/s for the FLOP that longspan plan counts, causal attention by half (0: not known)"
}

# Compares a key of two runs, row by row: relative, by a tolerance.
compare_values() {  # run, run, key, tolerance
  local worst
  if worst=$(paste <(values "$1" "$3") <(values "$2" "$3") | awk -v most="$4" '
    { d = $1 > $2 ? $1 - $2 : $2 - $1; share = d / $1; if (share > worst) worst = share; rows++ }
    END { printf "%.1e", worst; exit rows != 4 || worst > most }'); then
    note "passed: $3 of 4 updates differs by $worst at most, relative"
  else
    fail "$3 of 4 updates differs by $worst, must be $4 at most, relative"
  fi
}

# The order of float32 sums is all that differs. The norm shows whether all gradients were added up.
compare_ranks() {
  head_line "two processes on one GPU through Gloo, against one"
  if train one 60 cuda:0 1 "${small[@]}" --set train.max_steps=4 &&
    train two 90 cuda:0 2 "${small[@]}" --set train.max_steps=4 --set distributed.backend=gloo; then
    compare_values one two train/loss 1e-4
    compare_values one two train/grad_norm 1e-3
  fi
}

# Its run without a stop is that of compare_ranks.
compare_resumed() {
  head_line "2 updates, a stop and 2 more, against 4 updates"
  local name last=checkpoints/step-000000004
  if [[ ! -d $folder/one/$last ]]; then
    fail "the run of 4 updates is not there"
  elif train parts 60 cuda:0 1 "${small[@]}" --set train.max_steps=2 &&
    train parts 60 cuda:0 1 "${small[@]}" --set train.max_steps=4; then
    for name in model optimizer; do
      if cmp -s "$folder/one/$last/$name.safetensors" "$folder/parts/$last/$name.safetensors"; then
        note "passed: the same bits of $name.safetensors"
      else
        fail "other bits of $name.safetensors"
      fi
    done
  fi
}
