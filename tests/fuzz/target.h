#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "longspan/core/error.h"
#include "longspan/core/escaped.h"

/// What libFuzzer calls with each input, and the driver of the seeds (seeds.cpp) in other builds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace longspan::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes what stands before the first byte 0 off the front, for targets that read several files.
inline std::string_view take_part(std::string_view& rest) {
  const std::string_view part = rest.substr(0, rest.find('\0'));
  rest.remove_prefix(part.size() < rest.size() ? part.size() + 1 : rest.size());
  return part;
}

/// Runs a parser. It may refuse its input by an Error that blames the input; any other exception
/// gets out, and is a find. LONGSPAN_SHOW_REFUSALS in the environment prints what it says.
template <class Parse>
int accept_or_refuse(Parse parse) {
  try {
    parse();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Internal) throw std::logic_error(error.what());
    if (std::getenv("LONGSPAN_SHOW_REFUSALS") != nullptr)
      std::fprintf(stderr, "refused: %s\n", shown(error.what()).c_str());
  }
  return 0;
}

}  // namespace longspan::fuzz
