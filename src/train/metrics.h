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
  /// Opens the folder's metrics.jsonl. Rows from `first_step` on and a last line cut short, left by
  /// a process that was killed, are removed first, so that a resumed run has every row once.
  /// @param first_step of the rows to come  @throws Error(Io)
  MetricsWriter(const std::filesystem::path& run_folder, std::int64_t first_step, bool tensorboard);

  /// @param row as to_json(MetricRow) returned it  @throws Error(Io); the row may then be there in
  /// part, and only a new writer that begins with it mends that
  void write(const Json& row);
  /// Returns whether a file was removed, moved or replaced, so that rows are written to nowhere.
  bool is_lost() const;

 private:
  std::optional<FileWriter> file_;
  std::unique_ptr<TensorBoardWriter> tensorboard_;
};

}  // namespace longspan
