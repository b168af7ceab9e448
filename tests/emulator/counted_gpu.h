#pragma once

#include "kernels/gpu/launches.h"

namespace longspan::emulator {

/// Stands in the place of a GPU, for tensors on the CPU, as long as it lives, and counts the
/// project's own kernels instead of starting them: what they would write is of no meaning.
class CountedGpu {
 public:
  CountedGpu();
  /// Returns how many were started since the object was made, or since the last call.
  int take_count();

 private:
  gpu::LaunchesForTests launches_;
};

}  // namespace longspan::emulator
