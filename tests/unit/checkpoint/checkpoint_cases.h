#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan::testing {

/// Returns contents whose numbers tell their step.
inline CheckpointContents contents_of(std::int64_t step) {
  const auto base = static_cast<double>(step);
  CheckpointContents contents;
  contents.step = step;
  contents.model = {{"w", at::arange(base, base + 6, at::kFloat).reshape({2, 3})},
                    {"b", at::full({5}, base)}};
  contents.optimizer = {{"momentum.w", at::full({2, 3}, -base)},
                        {"previous_lr", at::full({}, 0.1, at::kDouble)}};
  contents.trainer = {{"tokens", 100 * step}, {"lr", 0.1}};
  contents.config_yaml = "name: tiny\nseed: 7\n";
  return contents;
}

/// Makes a tokenizer folder with two files, one of them in a folder of its own.
inline std::filesystem::path make_tokenizer(const std::filesystem::path& parent) {
  const auto folder = parent / "some-tokenizer";
  std::filesystem::create_directories(folder / "deep");
  std::ofstream(folder / "vocabulary.txt") << "the\nof\n";
  std::ofstream(folder / "deep" / "model.bin") << std::string("\0\1\2", 3);
  return folder;
}

/// A run with checkpoints of the given steps.
struct SavedRun {
  explicit SavedRun(const std::vector<std::int64_t>& steps) {
    log::set_level(log::Level::Error);
    const auto tokenizer = make_tokenizer(folder.path());
    for (const std::int64_t step : steps) save_checkpoint(run(), contents_of(step), tokenizer);
  }
  std::filesystem::path run() const { return folder.path() / "run"; }
  std::filesystem::path checkpoint(const std::string& name) const {
    return run() / "checkpoints" / name;
  }

  TemporaryFolder folder;
};

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// Checks that work() throws Error(Checkpoint) whose text has all the pieces.
template <class Work>
void check_refused(const Work& work, const std::vector<std::string>& pieces) {
  try {
    work();
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Checkpoint);
    for (const auto& piece : pieces)
      CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring(piece));
  }
}

inline bool equal(const NamedTensors& some, const NamedTensors& others) {
  if (some.size() != others.size()) return false;
  for (std::size_t i = 0; i < some.size(); ++i) {
    const bool same = some[i].name == others[i].name &&
                      some[i].tensor.scalar_type() == others[i].tensor.scalar_type() &&
                      some[i].tensor.sizes() == others[i].tensor.sizes() &&
                      some[i].tensor.equal(others[i].tensor);
    if (!same) return false;
  }
  return true;
}

}  // namespace longspan::testing
