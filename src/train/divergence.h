#pragma once

#include <string>

#include "train/step.h"

namespace longspan {

/// Returns what is not finite in a step: " on rank 1: gradient of layers.0.norm.weight is not
/// finite (loss nan, gradient norm nan)". Collective; gradients are as the step summed them.
/// @param own_loss_sum of this rank
std::string non_finite_text(const StepParts& place, const StepResult& result, double own_loss_sum);

}  // namespace longspan
