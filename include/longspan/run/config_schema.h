#pragma once

#include "longspan/core/json.h"

namespace longspan {

/// Returns the JSON Schema of a run's configuration, for editors, see config::json_schema().
Json run_config_schema();

}  // namespace longspan
