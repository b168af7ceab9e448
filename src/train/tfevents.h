#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "longspan/core/files.h"

namespace longspan {

/// Writes scalars that TensorBoard shows. Each writer makes a file of its own, so that a resumed
/// run adds one and TensorBoard, which reads a folder's files in the order of their names, joins
/// them.
class TensorBoardWriter {
 public:
  /// Makes events.out.tfevents.<seconds>.<host>.<process>.<count> in the folder. @throws Error(Io)
  explicit TensorBoardWriter(const std::filesystem::path& folder);

  /// Adds a point. It is in the file after flush(); a point never flushed is lost. @param value
  /// kept as float32
  void scalar(std::string_view tag, double value, std::int64_t step);
  /// Hands the points to the operating system. @throws Error(Io)
  void flush() { file_.flush(); }
  /// Returns whether the file was removed, moved or replaced.
  bool is_lost() const { return file_.is_lost(); }

 private:
  void write_record(const std::string& event);

  FileWriter file_;
};

}  // namespace longspan
