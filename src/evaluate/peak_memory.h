#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace longspan {

/// Forgets the peak of a device so far. Does nothing for the CPU, whose peak is the process's.
void reset_peak_memory(c10::Device device);
/// Returns the peak in bytes: for the CPU the resident memory of the whole process since it
/// started, for another device what LibTorch's allocator held there since the last reset.
std::int64_t peak_memory(c10::Device device);

}  // namespace longspan
