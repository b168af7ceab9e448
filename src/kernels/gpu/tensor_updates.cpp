// Tables of many tensors for the kernels of this folder. A table is made for each launch: gradients
// are new tensors at each step.

#include "longspan/kernels/tensor_updates.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

float* floats(const at::Tensor& tensor, std::int64_t count) {
  check(tensor.scalar_type() == at::kFloat && tensor.is_contiguous() && tensor.numel() == count,
        ErrorKind::Internal, "an update must have contiguous float32 tensors of one size, ", count,
        ", got ", tensor.scalar_type(), " ", tensor.sizes());
  return static_cast<float*>(tensor.mutable_data_ptr());
}

// A table in the memory of the tensors' device, copied there from pinned memory: nobody waits.
class Table {
 public:
  explicit Table(c10::Device device) : device_(device) {}

  void add(gpu::TensorRow row) {
    row.first_chunk = num_chunks_;
    num_chunks_ += static_cast<int>(ceil_divide(row.count, gpu::kUpdateChunk));
    rows_.push_back(row);
  }
  int num_chunks() const { return num_chunks_; }

  /// Returns the table; it lives as long as the object. @pre num_chunks() > 0
  gpu::TensorTable on_device() {
    const auto bytes = static_cast<std::int64_t>(rows_.size() * sizeof(gpu::TensorRow));
    const at::Tensor host =
        at::empty({bytes}, at::TensorOptions(at::kByte).pinned_memory(device_.is_cuda()));
    std::memcpy(host.mutable_data_ptr(), rows_.data(), static_cast<std::size_t>(bytes));
    on_device_ = host.to(device_, /*non_blocking=*/true);
    return {static_cast<const gpu::TensorRow*>(on_device_.const_data_ptr()),
            static_cast<int>(rows_.size()), num_chunks_};
  }

 private:
  c10::Device device_;
  std::vector<gpu::TensorRow> rows_;
  int num_chunks_ = 0;
  at::Tensor on_device_;
};

Table table_of(const std::vector<UpdatedTensor>& tensors) {
  Table table(tensors.front().parameter.device());
  for (const UpdatedTensor& tensor : tensors) {
    gpu::TensorRow row{};
    row.count = tensor.parameter.numel();
    row.parameter = floats(tensor.parameter, row.count);
    row.gradient = floats(tensor.gradient, row.count);
    row.first = floats(tensor.first, row.count);
    if (tensor.second.defined()) row.second = floats(tensor.second, row.count);
    row.keep = static_cast<float>(tensor.keep);
    row.step_size = static_cast<float>(tensor.step_size);
    row.root_factor = static_cast<float>(tensor.root_factor);
    table.add(row);
  }
  return table;
}

const double* factor_or_null(const at::Tensor& factor) {
  return factor.defined() ? factor.const_data_ptr<double>() : nullptr;
}

}  // namespace

bool takes_tensor_updates(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat && gpu::launches_on(tensor.device().type()) != nullptr;
}

at::Tensor gradient_numbers(const std::vector<at::Tensor>& gradients, const ClipRule& rule,
                            const at::Tensor& loss_sum) {
  Table table(loss_sum.device());
  for (const at::Tensor& gradient : gradients) {
    gpu::TensorRow row{};
    row.count = gradient.numel();
    row.gradient = floats(gradient, row.count);
    table.add(row);
  }
  const at::Tensor sums_C = at::empty({table.num_chunks()}, loss_sum.options());
  const at::Tensor numbers_3 = at::empty({3}, loss_sum.options());
  const auto launches = gpu::launches_for(loss_sum);
  auto* const sums = sums_C.mutable_data_ptr<double>();
  if (table.num_chunks() > 0) launches->gradient_squares(table.on_device(), sums);
  auto* const numbers = numbers_3.mutable_data_ptr<double>();
  launches->gradient_norm({sums, table.num_chunks(), rule.scale, rule.clip_norm, rule.eps,
                           loss_sum.const_data_ptr<double>()},
                          {numbers, numbers + 1, numbers + 2});
  return numbers_3;
}

void update_by_momentum(const std::vector<UpdatedTensor>& tensors, const MomentumFactors& factors,
                        const at::Tensor& factor) {
  if (tensors.empty()) return;
  Table table = table_of(tensors);
  if (table.num_chunks() == 0) return;
  const gpu::MomentumNumbers numbers{static_cast<float>(factors.velocity_to_parameter),
                                     static_cast<float>(factors.gradient_to_parameter),
                                     static_cast<float>(factors.velocity_keep),
                                     static_cast<float>(factors.gradient_to_velocity)};
  gpu::launches_for(tensors.front().parameter)
      ->momentum_update(table.on_device(), numbers, factor_or_null(factor));
}

void update_by_adamw(const std::vector<UpdatedTensor>& tensors, const AdamWFactors& factors,
                     const at::Tensor& factor) {
  if (tensors.empty()) return;
  Table table = table_of(tensors);
  if (table.num_chunks() == 0) return;
  const gpu::AdamWNumbers numbers{
      static_cast<float>(1.0 - factors.beta1), static_cast<float>(factors.beta2),
      static_cast<float>(1.0 - factors.beta2), static_cast<float>(factors.eps)};
  gpu::launches_for(tensors.front().parameter)
      ->adamw_update(table.on_device(), numbers, factor_or_null(factor));
}

void copy_narrow(const std::vector<NarrowCopy>& copies) {
  if (copies.empty()) return;
  if (!takes_tensor_updates(copies.front().from)) {
    for (const auto& [from, to] : copies) to.copy_(from);
    return;
  }
  Table table(copies.front().from.device());
  const at::ScalarType dtype = copies.front().to.scalar_type();
  for (const auto& [from, to] : copies) {
    check(to.scalar_type() == dtype && to.is_contiguous(), ErrorKind::Internal,
          "narrow copies must be contiguous and all be ", dtype, ", got ", to.scalar_type());
    gpu::TensorRow row{};
    row.count = to.numel();
    row.parameter = floats(from, row.count);
    row.narrow = gpu::elements(to);
    table.add(row);
  }
  if (table.num_chunks() == 0) return;
  gpu::launches_for(copies.front().from)->narrow_copies(dtype == at::kBFloat16, table.on_device());
}

}  // namespace longspan
