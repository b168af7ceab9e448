// NCCL behind the group. Its headers and CUDA's go no further than this file.

#include "distributed/nccl.h"

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <cstdlib>

namespace longspan {

void add_nccl(c10d::ProcessGroup& group, const Store& store, c10::Device device,
              std::chrono::milliseconds timeout) {
  // c10d would end the process when a call takes too long. Here whoever waits for the call finds
  // out, says which rank is to blame, and ends with an exit code.
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", /*overwrite=*/0);
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
