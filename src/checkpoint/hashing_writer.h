#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/manifest.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"

namespace longspan::checkpoint {

/// Writes a file and forms its checksum on the way.
class HashingWriter {
 public:
  explicit HashingWriter(const std::filesystem::path& path);

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Closes the file durably and returns its entry in the manifest. @param name relative to the
  /// checkpoint
  ManifestFile close(const std::string& name);

 private:
  FileWriter writer_;
  Hasher hasher_;
  std::uint64_t num_bytes_ = 0;
};

}  // namespace longspan::checkpoint
