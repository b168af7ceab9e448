#pragma once

#include <map>
#include <string>
#include <string_view>

namespace longspan::interop {

/// Returns the content of each entry of a zip archive by name, as views of the file. Entries must
/// be stored, not compressed; the sizes come from the central directory, in zip64 too.
/// @param source names the file in errors  @throws Error(Data) for anything else
std::map<std::string, std::string_view> read_zip(std::string_view file, const std::string& source);

}  // namespace longspan::interop
