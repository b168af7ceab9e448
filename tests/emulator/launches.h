#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "emulator/memory.h"
#include "kernels/gpu/launches.h"

namespace longspan::emulator {

/// How kernels run on the emulator, and what they did.
struct Emulation {
  std::uint64_t seed = 1;                     ///< of the order of threads
  int skipped_barrier = -1;                   ///< see Grid
  std::map<std::string, Counts> counts = {};  ///< of the last launch of each kernel
  at::Tensor log_sums_BHT = {};               ///< of the last forward pass of attention
};

/// Puts the emulator in the place of a GPU, for tensors on the CPU, as long as it lives.
class EmulatedGpu {
 public:
  explicit EmulatedGpu(const Emulation& how = {});
  ~EmulatedGpu();
  const Emulation& emulation() const;

 private:
  gpu::LaunchesForTests launches_;
};

}  // namespace longspan::emulator
