#pragma once

#include <cstdint>

#include "longspan/config/reader.h"

namespace longspan {

/// What is done about a step that must not count.
enum class GuardAction {
  Stop,  ///< the run ends
  Skip,  ///< its update is left out
};

/// The train.guard section.
struct GuardConfig {
  GuardAction non_finite = GuardAction::Stop;  ///< where the loss or the gradient is not finite
  std::int64_t max_skips = 10;                 ///< in a row; one more stops the run
};

/// Reads the guard section. A key that has no effect is an error. @throws Error(Config)
GuardConfig read_guard_config(const config::Reader& reader);

}  // namespace longspan
