#pragma once

#include <c10/core/Device.h>

namespace longspan {

/// Waits until a device has done what it was handed; the CPU has.
void wait_for(c10::Device device);

}  // namespace longspan
