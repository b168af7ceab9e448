#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "longspan/config/reader.h"

namespace longspan {

/// Throws Error(Config) when an option is given that the chosen kind does not have.
/// @param owners the kinds that have it
void refuse_option(const config::Reader& reader, std::string_view key, std::string_view kind,
                   const std::vector<std::string>& owners);

}  // namespace longspan
