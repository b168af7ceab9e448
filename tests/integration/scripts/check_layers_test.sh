#!/usr/bin/env bash
# Runs scripts/check-layers on a small tree with one violation of each kind; each must be named with
# file and line, and the same tree without them must pass. Usage: check_layers_test.sh SOURCE_DIR
set -euo pipefail
check=$1/scripts/check-layers
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

write() {  # path, lines
  mkdir -p "$(dirname "$tree/$1")"
  printf '%s\n' "${@:2}" >"$tree/$1"
}

write_module() {  # name, DEPENDS; without TORCH for core and data
  local torch=TORCH
  if [[ $1 == core || $1 == data ]]; then
    torch=
  fi
  write "src/$1/CMakeLists.txt" "longspan_add_module($1 $torch" '  SOURCES a.cpp  # one' "${@:2}" \
    '  PRIVATE_LIBRARIES any::library)'
}

expect() {  # a line that the output must have
  if ! grep -qxF -- "$1" <<<"$output"; then
    echo "missing: $1"
    failures=$((failures + 1))
  fi
}

write include/longspan/core/error.h '#pragma once' '#include <string>'
write include/longspan/core/named_tensors.h '#pragma once' '#include <ATen/core/Tensor.h>'
write include/longspan/model/transformer.h '#pragma once' '#include "longspan/position/position.h"' '#include <ATen/core/Tensor.h>'
write include/longspan/position/position.h '#pragma once' '#include "longspan/core/error.h"'
write src/position/alibi.cpp '#include "longspan/core/error.h"'
write src/core/log.cpp '#include "core/posix.h"' '#include <spdlog/logger.h>' '// using namespace torch;'
write src/core/posix.h '#pragma once' '#include "longspan/core/error.h"'
write src/train/loop.cpp '#include "longspan/model/transformer.h"' '#include "longspan/core/error.h"'
write src/CMakeLists.txt '# Lowest first.' 'foreach(module core position  # a comment' '    model train)' \
  '  add_subdirectory(${module})' 'endforeach()'
write_module core
write_module position '  DEPENDS core'
write_module model '  DEPENDS position'
write_module train '  DEPENDS' '    model'
write src/README.md '| module | holds | may include |' '| --- | --- | --- |' '| core | errors | |' \
  '| position | methods | core |' '| model | layers | position |' '| train | loop | model |' '' '| other | table |'
write tests/unit/core/log_test.cpp '#include "core/posix.h"' '#include <catch2/catch_test_macros.hpp>'
if ! output=$("$check" "$tree") || [[ $output != "layers: 14 files, no violation" ]]; then
  printf 'the tree without violations must pass, got:\n%s\n' "$output"
  failures=$((failures + 1))
fi

write src/CMakeLists.txt 'foreach(module core config kernels tokenizer data position model optim train report lost)' 'endforeach()'
write_module config '  DEPENDS core'
write_module kernels '  DEPENDS core'
write_module tokenizer '  DEPENDS' '    config'
write_module data '  DEPENDS tokenizer'
write_module position '  DEPENDS core kernels'
write_module optim '  DEPENDS config train'
write_module train '  DEPENDS model config'
write_module report '  DEPENDS config tokenizer'
write src/report/page.cpp '#include "longspan/config/reader.h"' '#include "longspan/position/position.h"'
write src/train/deep.cpp '#include "longspan/kernels/attention.h"'
write src/README.md '' '| module | holds | may include |' '| --- | --- | --- |' '| core | errors | |' \
  '| kernels | attention | core |' '| config | reader | core |' '| tokenizer | words | config |' '| data | text | config |' \
  '| position | methods | core, kernels |' '| model | layers | position |' '| optim | optimizers | config, train |'
write src/core/upward.cpp '' '#include "longspan/config/reader.h"'
write src/kernels/sideways.cpp '#include "longspan/core/error.h"' '#include "longspan/tokenizer/words.h"'
write src/model/private.cpp '#include "core/posix.h"'
write src/model/packages.cpp '#include <yaml-cpp/yaml.h>' '#include <torch/csrc/distributed/c10d/Store.hpp>' \
  '#include <fmt/format.h>' '#include <sentencepiece_processor.h>' '#include <CLI/CLI.hpp>' '#include <xxhash.h>' \
  '#include "spdlog/logger.h"' '#include <zlib.h>' '#include <zstd_errors.h>'
write src/model/wide.cpp '#  include <torch/torch.h>' 'using namespace torch;' '  using namespace at::indexing;'
write src/data/tensors.cpp '#include <ATen/core/Tensor.h>'
write src/helpers/any.cpp '#include <vector>'
write src/model/unknown.cpp '#include "longspan/nowhere/a.h"'
write src/model/relative.cpp '#include "../core/posix.h"'
write src/optim/letters.cpp '' '' $'// caf\303\251'
write include/longspan/optim/leak.h '#include "optim/kinds.h"' '#include <nlohmann/json.hpp>'
write tests/unit/model/peek_test.cpp '#include "core/posix.h"' '#include "longspan/model/transformer.h"' \
  '#include "longspan/train/loop.h"'
write tests/property/any_test.cpp '#include <torch/torch.h>'
write src/core/cycle_a.h '#pragma once' '#include "core/cycle_b.h"'
write src/core/cycle_b.h '#pragma once' '#include <string>' '#include "core/cycle_a.h"'
code=0
output=$("$check" "$tree") || code=$?
if ((code != 1)); then
  echo "the exit code must be 1, got $code"
  failures=$((failures + 1))
fi
expect 'src/core/upward.cpp:2: module core must not include module config: "longspan/config/reader.h"'
expect 'src/kernels/sideways.cpp:2: module kernels must not include module tokenizer: "longspan/tokenizer/words.h"'
expect 'src/model/private.cpp:1: module model must not include a private header of module core: "core/posix.h"'
expect 'src/model/packages.cpp:1: only module config may include <yaml-cpp/yaml.h>, not module model'
expect 'src/model/packages.cpp:2: only module distributed may include <torch/csrc/distributed/c10d/Store.hpp>, not module model'
expect 'src/model/packages.cpp:3: no module may include <fmt/format.h>'
expect 'src/model/packages.cpp:4: only module tokenizer may include <sentencepiece_processor.h>, not module model'
expect 'src/model/packages.cpp:5: only module cli may include <CLI/CLI.hpp>, not module model'
expect 'src/model/packages.cpp:6: only module core may include <xxhash.h>, not module model'
expect 'src/model/packages.cpp:7: only module core may include <spdlog/logger.h>, not module model'
expect 'src/model/packages.cpp:8: only module data may include <zlib.h>, not module model'
expect 'src/model/packages.cpp:9: only module data may include <zstd_errors.h>, not module model'
expect 'src/model/wide.cpp:1: never include <torch/torch.h>: take the narrow headers, such as <ATen/core/Tensor.h>'
expect 'src/model/wide.cpp:2: never write `using namespace` for torch, at or c10: calls become ambiguous'
expect 'src/data/tensors.cpp:1: module data must not include LibTorch: <ATen/core/Tensor.h>'
expect 'src/helpers/any.cpp:1: module helpers is not in the list of src/CMakeLists.txt'
expect 'src/model/unknown.cpp:1: module nowhere is not in the list of src/CMakeLists.txt: "longspan/nowhere/a.h"'
expect 'src/model/relative.cpp:1: includes must have full paths, got "../core/posix.h"'
expect 'src/optim/letters.cpp:3: sources must be ASCII'
expect 'include/longspan/optim/leak.h:1: a public header must not include a private one: "optim/kinds.h"'
expect 'include/longspan/optim/leak.h:2: a public header must not include a third-party one: <nlohmann/json.hpp>'
expect 'include/longspan/optim/leak.h:1: a header must have #pragma once'
expect 'tests/unit/model/peek_test.cpp:1: module model must not include a private header of module core: "core/posix.h"'
expect 'tests/unit/model/peek_test.cpp:3: module model must not include module train: "longspan/train/loop.h"'
expect 'tests/property/any_test.cpp:1: never include <torch/torch.h>: take the narrow headers, such as <ATen/core/Tensor.h>'
expect 'src/core/cycle_b.h:3: include cycle: src/core/cycle_a.h -> src/core/cycle_b.h -> src/core/cycle_a.h'
expect 'src/report/page.cpp:2: module report must not include module position: "longspan/position/position.h"'
expect 'src/report/CMakeLists.txt:3: module report depends on module tokenizer, but includes nothing of it'
expect 'src/optim/CMakeLists.txt:3: module optim must depend only on modules before it in src/CMakeLists.txt, got train'
expect 'src/CMakeLists.txt:1: module lost must have a longspan_add_module(lost ...) in src/lost/CMakeLists.txt'
expect 'src/README.md:5: row 2 of the table must be module config, as in src/CMakeLists.txt, got kernels'
expect 'src/README.md:8: module data may include "tokenizer" by its CMakeLists.txt, got "config"'
expect 'src/README.md:11: the table must have a row for each module, the first without is train'
expect 'layers: 41 violations in 37 files'
if ((failures > 0)); then
  printf 'the output was:\n%s\n' "$output"
  exit 1
fi
