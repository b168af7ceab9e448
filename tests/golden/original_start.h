#pragma once

#include <cstdint>

#include "golden/recording.h"

namespace longspan::testing {

/// Returns the start values that the original code draws for a seed: PyTorch's CPU generator,
/// asked in the order in which fairseq builds its modules, default values that are drawn again
/// included. The table of T5, whose draw is not recorded, comes last.
/// @param model a recording's, with one method and an adaptive head
NamedTensors original_start(const Json& model, std::uint64_t seed);

}  // namespace longspan::testing
