#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "longspan/core/files.h"
#include "train/metric_row.h"
#include "train/tfevents.h"

namespace longspan {

/// Writes the rows of metrics.jsonl and the same numbers for TensorBoard. A row is in the file when
/// write() returns.
class MetricsWriter {
 public:
  /// Opens the folder's metrics.jsonl. Rows past `step` and a last line cut short, left by a
  /// process that was killed, are removed first, so that a resumed run has every row once.
  MetricsWriter(const std::filesystem::path& run_folder, std::int64_t step, bool tensorboard);

  void write(const MetricRow& row);
  /// Returns whether a file was removed, moved or replaced, so that rows are written to nowhere.
  bool is_lost() const;

 private:
  std::optional<FileWriter> file_;
  std::unique_ptr<TensorBoardWriter> tensorboard_;
};

}  // namespace longspan
