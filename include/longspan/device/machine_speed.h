#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

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

/// The most FLOP a second of a device's matrix products.
struct PeakProducts {
  double flop_per_second = 0.0;
  bool is_measured = false;  ///< else its maker's figure for dense products, sums in float32
};

/// Returns the peak for inputs of a type: of a GPU that is known by its name its maker's figure,
/// else what products of 1,024 (on a GPU 8,192) reach, measured in less than a second. On a CPU
/// without fast products of the type it is that of float32.
PeakProducts peak_products(c10::Device device, c10::ScalarType dtype);

}  // namespace longspan
