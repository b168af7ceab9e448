#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "longspan/core/files.h"

namespace longspan {

/// Writes scalars that TensorBoard shows. Each writer makes a file of its own, so that a resumed
/// run adds one and TensorBoard, which reads a folder's files in the order of their names, joins
/// them. A record at a file's head says that a session starts: TensorBoard then forgets the points
/// from there on that the session before had written.
class TensorBoardWriter {
 public:
  /// Makes events.out.tfevents.<seconds>.<host>.<process>.<count> in the folder, behind the files
  /// that are there, whatever their host's clock said. @param first_step of the points to come
  /// @throws Error(Io); no file is left then
  TensorBoardWriter(const std::filesystem::path& folder, std::int64_t first_step);

  /// Adds a point. It is in the file after flush(); a point never flushed is lost. @param value
  /// kept as float32
  void scalar(std::string_view tag, double value, std::int64_t step);
  /// Hands the points to the operating system. @throws Error(Io)
  void flush() { file_.flush(); }
  /// Returns whether the file was removed, moved or replaced.
  bool is_lost() const { return file_.is_lost(); }

 private:
  void write_record(const std::string& event);

  std::filesystem::path path_;
  FileWriter file_;
};

}  // namespace longspan
