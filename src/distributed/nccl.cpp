// NCCL behind the group. Its headers and CUDA's go no further than this file.

#include "distributed/nccl.h"

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace longspan {

void add_nccl(c10d::ProcessGroup& group, const Store& store, c10::Device device,
              std::chrono::milliseconds timeout) {
  // Gradients travel beside backward: their kernels go first, as they are what the step waits for.
  auto options = c10d::ProcessGroupNCCL::Options::create(/*is_high_priority_stream=*/true);
  options->timeout = timeout;
  const auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(
      c10::make_intrusive<c10d::PrefixStore>("nccl", store), group.getRank(), group.getSize(),
      options);
  backend->setBoundDeviceId(device);
  group.setBackend(at::kCUDA, c10d::ProcessGroup::BackendType::NCCL, backend);
  backend->eagerConnectSingleDevice(device);
}

}  // namespace longspan
