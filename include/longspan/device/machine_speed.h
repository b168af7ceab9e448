#pragma once

#include <c10/core/Device.h>

namespace longspan {

/// What a device reaches at best, measured; 0 where it was not measured.
struct MachineSpeed {
  double fp32_flop_per_second = 0.0;  ///< of a matrix product, by the faster library
  double bf16_flop_per_second = 0.0;  ///< 0 too where the processor has no fast ones
  double bytes_per_second = 0.0;      ///< of memory: two read and one written an element
};

/// Measures square matrix products of 2,048 (on a GPU 8,192) and sums of arrays of 256 MiB each,
/// the best of a few, with the threads that LibTorch has. Takes 768 MiB, and a second or two on two
/// cores.
MachineSpeed measure_machine(c10::Device device);

}  // namespace longspan
