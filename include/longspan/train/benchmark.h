#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "longspan/run/run_config.h"

namespace longspan {

struct BenchmarkOptions {
  std::int64_t vocab_size = 0;
  int steps = 10;  ///< that are timed, at least 1; some more come before and after
  c10::Device device = c10::kCPU;
};

/// What a run's training step takes on one device.
struct StepBenchmark {
  std::int64_t micro_batch_tokens = 0;  ///< of a pass
  double median_seconds = 0.0;          ///< of a whole step
  double fastest_seconds = 0.0;
  /// Seconds of the parts of a step, the largest first; they add up to parts_seconds, that of the
  /// steps in which they were measured.
  std::vector<std::pair<std::string, double>> parts;
  double parts_seconds = 0.0;
  std::int64_t peak_bytes = 0;  ///< as peak_memory() says, of the steps that are timed
};

/// Runs training steps of a configuration, batch_tokens each, on one device and on made-up tokens
/// that follow Zipf's law, so neither text nor run folder is needed. The update is a real one.
/// @throws Error(Numeric) as run_step(), Error(Memory)
StepBenchmark benchmark_step(RunConfig config, const BenchmarkOptions& options);

}  // namespace longspan
