// What all optimizers share about their state: its names, how it starts and how a saved one comes
// back.

#include "optim/state.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "longspan/core/error.h"
#include "longspan/kernels/tensor_updates.h"

namespace longspan {
namespace {

void check_fits(const at::Tensor& found, const NamedTensor& expected) {
  check(found.sizes() == expected.tensor.sizes(), ErrorKind::Checkpoint,
        "optimizer state: ", expected.name, " must have the shape ", expected.tensor.sizes(),
        ", got ", found.sizes());
  check(found.scalar_type() == expected.tensor.scalar_type(), ErrorKind::Checkpoint,
        "optimizer state: ", expected.name, " must have the type ", expected.tensor.scalar_type(),
        ", got ", found.scalar_type());
}

}  // namespace

void copy_state(const NamedTensors& source, const NamedTensors& target) {
  std::unordered_map<std::string, const at::Tensor*> found;
  for (const auto& [name, tensor] : source) {
    check(found.emplace(name, &tensor).second, ErrorKind::Checkpoint,
          "optimizer state: names must differ, got twice ", name);
  }
  for (const auto& expected : target) {
    const auto entry = found.find(expected.name);
    check(entry != found.end(), ErrorKind::Checkpoint, "optimizer state: lacks the tensor ",
          expected.name, "; it was saved by another optimizer kind or for another model");
    check_fits(*entry->second, expected);
  }
  std::set<std::string> wanted;
  for (const auto& expected : target) wanted.insert(expected.name);
  for (const auto& [name, tensor] : source) {
    check(wanted.contains(name), ErrorKind::Checkpoint,
          "optimizer state: has a tensor that this optimizer does not, ", name,
          "; it was saved by another optimizer kind or for another model");
  }
  const at::NoGradGuard no_gradient;
  for (const auto& expected : target) expected.tensor.copy_(*found.at(expected.name));
}

NamedTensors zero_slot(const std::string& slot, const NamedTensors& parameters) {
  const at::NoGradGuard no_gradient;
  NamedTensors zeros;
  for (const auto& [name, tensor] : parameters)
    zeros.push_back({concat(slot, ".", name), at::zeros_like(tensor)});
  return zeros;
}

void check_parameters(const NamedTensors& parameters) {
  for (const auto& [name, tensor] : parameters) {
    const bool real = tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble;
    check(real && tensor.is_contiguous(), ErrorKind::Internal, "the optimizer's parameter ", name,
          " must be contiguous and float32 or float64, got ", tensor.scalar_type());
  }
}

bool updates_in_one_launch(const NamedTensors& parameters) {
  return !parameters.empty() &&
         std::ranges::all_of(parameters, takes_tensor_updates, &NamedTensor::tensor);
}

}  // namespace longspan
