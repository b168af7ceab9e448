#pragma once

#include <string>

#include "longspan/run/run.h"

namespace longspan {

/// Returns a digest of what makes log-probabilities of ids: weights, tokenizer and the resolved
/// sections `model` and `position`. The weights must still be on the CPU.
std::string hash_of_model(const TrainedRun& run);

}  // namespace longspan
