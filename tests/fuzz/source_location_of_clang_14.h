#pragma once

// Clang before 15 lacks what the library's header needs, which then defines nothing. The preset
// fuzz has this read first in every file.
#include <source_location>

#ifndef __cpp_lib_source_location
namespace std {
struct source_location {
  static constexpr source_location current(const char* file = __builtin_FILE(),
                                           unsigned line = __builtin_LINE()) noexcept {
    return {file, line};
  }
  constexpr const char* file_name() const noexcept { return file_; }
  constexpr unsigned line() const noexcept { return line_; }

  const char* file_ = "";
  unsigned line_ = 0;
};
}  // namespace std
#endif
