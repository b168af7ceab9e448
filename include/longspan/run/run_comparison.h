#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace longspan {

/// What two runs were compared by.
struct RunComparison {
  std::int64_t step = 0;  ///< of the checkpoints
  std::size_t tensors = 0, rows = 0;
  std::optional<std::string> difference;  ///< the first one found, as what is where
};

/// Compares the newest checkpoints of two runs, every tensor of model and optimizer and every
/// counter, and all rows of metrics.jsonl, bit by bit; but for what tells of time and memory.
/// @throws Error when a file of either is not whole
RunComparison compare_runs(const std::filesystem::path& left, const std::filesystem::path& right);

}  // namespace longspan
