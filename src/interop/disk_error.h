#pragma once

#include <exception>
#include <filesystem>
#include <string>

#include "longspan/core/error.h"

namespace longspan {

/// Says, of the exception under way, that an export could not be written. @throws Error(Io)
[[noreturn]] inline void blame_disk(const std::filesystem::path& output, const std::string& cause) {
  std::throw_with_nested(Error(ErrorKind::Io, concat(output.string(), " must be written whole: ",
                                                     cause, "; nothing of it was left")));
}

}  // namespace longspan
