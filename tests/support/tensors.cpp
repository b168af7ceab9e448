#include "support/tensors.h"

#include <algorithm>

namespace longspan::testing {

at::Tensor random_tensor(at::IntArrayRef sizes, std::uint64_t seed, at::ScalarType dtype) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::rand(sizes, generator, at::kDouble).mul(2).sub(1).to(dtype);
}

std::string difference(const at::Tensor& a, const at::Tensor& b, double absolute, double relative) {
  if (a.sizes() != b.sizes()) return "shapes differ";
  const auto x = a.detach().to(at::kDouble).reshape({-1}),
             y = b.detach().to(at::kDouble).reshape({-1});
  if (x.numel() == 0) return {};
  const auto excess = (x - y).abs() - (y.abs() * relative + absolute);
  const auto worst = excess.nan_to_num(1e300, 1e300).argmax().item<std::int64_t>();
  if (excess[worst].item<double>() <= 0.0) return {};
  return "element " + std::to_string(worst) + ": " + std::to_string(x[worst].item<double>()) +
         " against " + std::to_string(y[worst].item<double>());
}

std::string check_gradients(const std::function<at::Tensor()>& function,
                            const std::vector<at::Tensor>& inputs, double tolerance) {
  constexpr double kStep = 1e-5;
  constexpr std::int64_t kElements = 40;
  for (const auto& input : inputs)
    if (input.grad().defined()) input.mutable_grad().reset();
  function().backward();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto gradient =
        inputs[i].grad().defined() ? inputs[i].grad().clone() : at::zeros_like(inputs[i]);
    const std::int64_t stride =
        std::max<std::int64_t>(1, (inputs[i].numel() + kElements - 1) / kElements);
    at::Tensor numeric = gradient.clone();
    {
      const at::NoGradGuard no_gradient;
      auto values = inputs[i].view({-1});
      auto slots = numeric.view({-1});
      for (std::int64_t k = 0; k < values.numel(); k += stride) {
        const double start = values[k].item<double>();
        values[k] = start + kStep;
        const double above = function().item<double>();
        values[k] = start - kStep;
        const double below = function().item<double>();
        values[k] = start;
        slots[k] = (above - below) / (2 * kStep);
      }
    }
    const double size = std::max(1.0, gradient.abs().max().item<double>());
    if (auto text = difference(gradient, numeric, tolerance * size); !text.empty())
      return "input " + std::to_string(i) + ", " + text;
  }
  return {};
}

}  // namespace longspan::testing
