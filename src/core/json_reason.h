#pragma once

#include <string>

namespace longspan {

/// Returns the reason in an error's text of the JSON library, without the place.
std::string reason_of(const std::string& message);

}  // namespace longspan
