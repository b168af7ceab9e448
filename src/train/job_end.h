#pragma once

#include <chrono>
#include <optional>

#include "longspan/distributed/placement.h"

namespace longspan {

/// Returns when a run must begin to stop for its save to come before the end of the job that it is
/// in: at SLURM_JOB_END_TIME (seconds since the epoch), less two minutes or a tenth of what is
/// left. Nothing without a job, or where that time is past, which is said.
/// @throws Error(Config) for a variable that is no number
std::optional<std::chrono::steady_clock::time_point> stop_before_job_end(
    const EnvironmentLookup& lookup);

}  // namespace longspan
