#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "longspan/core/timeline.h"

namespace longspan {

/// Returns the clock of a GPU, of events that its streams pass; nothing for the CPU, which has done
/// what it was handed when the host goes on. A mark stands behind the work of the calling thread's
/// current stream. Times are right to some microseconds when read() comes within a minute.
std::unique_ptr<DeviceClock> make_device_clock(c10::Device device);

}  // namespace longspan
