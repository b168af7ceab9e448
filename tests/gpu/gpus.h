#pragma once

#include "longspan/core/error.h"
#include "longspan/device/device.h"
#include "longspan/distributed/communicator.h"
#include "support/torch_catch.h"

namespace longspan::testing {

/// Set before the first thread of the tests.
inline const bool kVariablesAreSet = [] {
  set_gpu_variables();
  set_group_variables();
  return true;
}();

/// Skips the test case, visibly, on a machine with fewer GPUs.
inline void need_gpus(int count) {
  if (num_gpus() < count) SKIP(concat("needs ", count, " GPU, this process sees ", num_gpus()));
}

/// Returns the first GPU, in use.
inline c10::Device first_gpu() {
  need_gpus(1);
  const c10::Device device(c10::kCUDA, 0);
  bind_to(device);
  return device;
}

}  // namespace longspan::testing
