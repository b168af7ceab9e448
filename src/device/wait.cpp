#include "longspan/device/wait.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace longspan {

void wait_for(c10::Device device) {
  if (!device.is_cpu())
    c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

}  // namespace longspan
