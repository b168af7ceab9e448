#pragma once

#include <cstdint>
#include <string>

#include "longspan/core/json.h"
#include "longspan/data/text.h"

namespace longspan {

/// Returns what a manifest says of where a split's text came from: each file's path, size, time of
/// change and digest, or the numbers of the synthetic corpus. Reads the files once.
/// @param name of the text, for progress  @throws Error(Data)
Json describe_source(const std::string& name, const TextConfig& config);
/// Returns how a text differs from what describe_source() said; "" when it is the same. A file is
/// read only when its path or time of change is another. @throws Error(Data)
std::string source_difference(const Json& described, const TextConfig& config);

}  // namespace longspan
