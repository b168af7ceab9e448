#pragma once

#include <exception>
#include <filesystem>
#include <string_view>

#include "longspan/core/error.h"

namespace longspan {

/// Runs what reads a file of a split; where that fails, the file is to blame.
/// @param what it is, "a shard"  @param remedy ends the error  @throws Error(Data) for Error(Io)
template <class Work>
auto blaming(const std::filesystem::path& path, std::string_view what, std::string_view remedy,
             const Work& work) {
  try {
    return work();
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(
        Error(ErrorKind::Data,
              concat(path.string(), ": ", what, " must be readable, got: ", cause.what(), remedy)));
  }
}

}  // namespace longspan
