#include "train/tensor_copies.h"

#include <ATen/ops/empty.h>

#include <cstring>

namespace longspan {
namespace {

bool is_like(const at::Tensor& copy, const at::Tensor& tensor) {
  return copy.defined() && copy.sizes() == tensor.sizes() &&
         copy.scalar_type() == tensor.scalar_type();
}

// On this thread alone: the others compute meanwhile.
void copy_into(at::Tensor& copy, const at::Tensor& tensor) {
  if (!is_like(copy, tensor)) copy = at::empty(tensor.sizes(), tensor.options());
  const at::Tensor source = tensor.contiguous();
  if (source.nbytes() > 0)
    std::memcpy(copy.mutable_data_ptr(), source.const_data_ptr(), source.nbytes());
}

}  // namespace

void TensorCopies::begin(const NamedTensors& tensors) {
  sources_.clear();
  on_their_way_.clear();
  for (const auto& [name, tensor] : tensors) {
    sources_.push_back({name, tensor.detach()});
    if (!tensor.device().is_cpu()) on_their_way_.emplace_back(tensor.detach());
  }
}

void TensorCopies::finish() {
  copies_.resize(sources_.size());
  auto on_its_way = on_their_way_.begin();
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    auto& [name, copy] = copies_[i];
    name = sources_[i].name;
    const at::Tensor& tensor = sources_[i].tensor;
    if (tensor.device().is_cpu())
      copy_into(copy, tensor);
    else
      copy = (on_its_way++)->wait();
  }
  sources_.clear();
  on_their_way_.clear();
}

}  // namespace longspan
