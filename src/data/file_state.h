#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "longspan/core/json.h"

namespace longspan {

/// By what a file is taken for the same without reading it.
struct FileState {
  std::int64_t bytes = 0;
  std::int64_t modified_ns = 0;  ///< time of change, nanoseconds since 1970
};

/// @param what the file must be, "a readable text file"  @throws Error(Data)
FileState state_of(const std::string& path, std::string_view what);
/// Returns a file as manifests describe it.
Json describe_file(const std::string& path, const FileState& state, const std::string& digest);
/// Returns how a file differs from what describe_file() said; "" where it does not.
/// @param digest_now is called where size and time of change do not tell
std::string content_difference(const Json& described, const std::string& path, const FileState& now,
                               const std::function<std::string()>& digest_now);

}  // namespace longspan
