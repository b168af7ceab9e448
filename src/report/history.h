#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

namespace longspan::report {

/// What a report needs of one row of metrics.jsonl.
struct MetricRow {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  std::optional<double> train_loss;
  std::optional<double> valid_loss;
  std::optional<double> valid_ppl;
  std::optional<double> tokens_per_second;
  std::optional<double> step_seconds;
  std::map<std::int64_t, double> ppl_at;  ///< validation perplexity at further lengths
};

/// Reads metrics.jsonl in the order of steps. A last line cut short, left by a process that was
/// killed or is still writing, is passed over. @throws Error(Io); Error(Data) that names file and
/// line
std::vector<MetricRow> read_history(const std::filesystem::path& path);

/// Returns the seconds spent in training steps: validation, saving and pauses between parts of a
/// run do not count. Nothing when the rows do not say.
std::optional<double> training_seconds(const std::vector<MetricRow>& rows);
/// Returns the median of the rows' tokens per second.
std::optional<double> median_tokens_per_second(const std::vector<MetricRow>& rows);
/// Returns the lowest validation perplexity.
std::optional<double> best_valid_ppl(const std::vector<MetricRow>& rows);

}  // namespace longspan::report
