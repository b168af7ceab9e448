#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "longspan/core/named_tensors.h"
#include "longspan/core/random.h"

namespace longspan::testing {

/// Returns a tensor of normal numbers that are a function of the seed.
inline at::Tensor random_tensor(const std::vector<std::int64_t>& shape, std::uint64_t seed,
                                at::ScalarType type = at::kFloat) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  RandomStream stream(seed, RandomPurpose::Benchmark, 0);
  at::Tensor tensor = at::empty(shape, at::kDouble);
  auto* values = tensor.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < count; ++i) values[i] = stream.normal();
  return tensor.to(type);
}

/// Returns parameters of several shapes: a matrix over several blocks, a small one, a vector and a
/// scalar.
inline NamedTensors random_parameters(std::uint64_t seed, at::ScalarType type = at::kFloat) {
  return {{"big.weight", random_tensor({151, 307}, seed, type)},
          {"small.weight", random_tensor({3, 5, 2}, seed + 1, type)},
          {"bias", random_tensor({37}, seed + 2, type)},
          {"gain", random_tensor({}, seed + 3, type)}};
}

/// Gives every parameter a random gradient.
inline void set_gradients(const NamedTensors& parameters, std::uint64_t seed) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& parameter = parameters[i].tensor;
    parameter.mutable_grad() =
        random_tensor(parameter.sizes().vec(), seed + 100 * i, parameter.scalar_type());
  }
}

/// Returns copies of the tensors under the same names.
inline NamedTensors copies(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) result.push_back({name, tensor.detach().clone()});
  return result;
}

/// Returns the elements as doubles.
inline std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

}  // namespace longspan::testing
