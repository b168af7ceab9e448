// The calls on parts work in place, a rank's own part of the tensor being the call's other tensor:
// NCCL then copies nothing on the device, and Gloo reads the one before it writes the other.

#include "distributed/collectives.h"

namespace longspan {
namespace {

at::Tensor own_part(const c10d::ProcessGroup& group, const at::Tensor& tensor) {
  const std::int64_t elements = tensor.numel() / group.getSize();
  return tensor.narrow(0, group.getRank() * elements, elements);
}

}  // namespace

Work start_sum(c10d::ProcessGroup& group, const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors{tensor};
  return group.allreduce(tensors);
}

// Gloo has such a call, and makes an all-reduce of a copy of it: as many bytes travel.
bool scatters_sums(c10d::ProcessGroup& group, c10::Device device) {
  return group.getBackend(device.type())->getBackendName() != "gloo";
}

Work start_part_sum(c10d::ProcessGroup& group, const at::Tensor& tensor) {
  if (!scatters_sums(group, tensor.device())) return start_sum(group, tensor);
  at::Tensor whole = tensor, part = own_part(group, tensor);
  return group._reduce_scatter_base(part, whole);
}

Work start_part_gather(c10d::ProcessGroup& group, const at::Tensor& tensor) {
  at::Tensor whole = tensor, part = own_part(group, tensor);
  return group._allgather_base(whole, part);
}

}  // namespace longspan
