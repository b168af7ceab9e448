#pragma once

#include <string_view>

#include "longspan/core/json.h"

namespace longspan {

inline constexpr std::string_view kOriginFormat = "longspan.origin/1";

/// Returns what a manifest says of where its tokens came from: all of it but the shards.
Json origin_of(const Json& manifest);

}  // namespace longspan
