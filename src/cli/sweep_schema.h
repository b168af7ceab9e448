#pragma once

#include "longspan/core/json.h"

namespace longspan::cli {

/// Returns the JSON Schema of a sweep file, see config::json_schema().
Json sweep_schema();

}  // namespace longspan::cli
