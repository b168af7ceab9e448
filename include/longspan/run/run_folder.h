#pragma once

#include <filesystem>
#include <string>

#include "longspan/core/files.h"

namespace longspan {

/// The folder of a run, which one process at a time holds while it trains; the log goes into its
/// log.txt as well for that long.
class RunFolder {
 public:
  /// Makes the folder. @throws Error(Io) when it cannot be made, Error(Config) when another process
  /// holds it
  explicit RunFolder(const std::filesystem::path& path);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// Returns whether the folder, or what marks it as held, was removed.
  bool is_lost() const;

 private:
  std::filesystem::path lock_path_;
  FileLock lock_;
};

/// Returns whether a process holds the folder of a run now. Touches nothing.
bool is_held(const std::filesystem::path& run_folder);

/// Returns what to say of a run that failed: "; the checkpoint of step 20 stands", or that there is
/// none or that they cannot be read.
std::string where_to_resume(const std::filesystem::path& run_folder);

}  // namespace longspan
