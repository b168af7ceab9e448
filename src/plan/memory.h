#pragma once

#include "longspan/plan/plan.h"

namespace longspan {

constexpr std::int64_t kFloatBytes = 4;

/// Returns what one device of a job holds at the peak of a step.
/// @param plan whose parameters, vocabulary and tokens of a pass are known
PlannedMemory plan_memory(const RunConfig& config, const Plan& plan, c10::DeviceType device,
                          std::int64_t num_ranks);

}  // namespace longspan
