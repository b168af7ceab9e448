#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/torch_catch.h"

namespace longspan::testing {

/// Returns uniform numbers in [-1, 1) that depend on the seed alone.
at::Tensor random_tensor(at::IntArrayRef sizes, std::uint64_t seed,
                         at::ScalarType dtype = at::kFloat);

/// Says where two tensors differ most: empty when every |a - b| <= absolute + relative * |b|.
std::string difference(const at::Tensor& a, const at::Tensor& b, double absolute,
                       double relative = 0.0);

/// Compares the gradients of a scalar function of float64 tensors with central differences, at up
/// to 40 elements spread over each tensor; empty when all agree to `tolerance` relative to the
/// largest gradient. The error of a central difference is of the order step^2.
std::string check_gradients(const std::function<at::Tensor()>& function,
                            const std::vector<at::Tensor>& inputs, double tolerance = 1e-6);

}  // namespace longspan::testing
