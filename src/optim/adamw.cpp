// AdamW by LibTorch's fused operator, one call for the matrices, which decay, and one for the rest,
// or on a GPU by one launch. The step count is kept for each parameter, so that one without a
// gradient misses nothing, and on the host, which works out the corrections.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/kernels/tensor_updates.h"
#include "optim/kinds.h"
#include "optim/state.h"

namespace longspan {
namespace {

struct AdamGroup {
  std::vector<at::Tensor> parameters, gradients, means, squares, steps;
};

class AdamW final : public Optimizer {
 public:
  AdamW(const AdamWOptions& options, const NamedTensors& parameters)
      : options_(options), parameters_(parameters) {
    check_parameters(parameters_);
    means_ = zero_slot("exp_avg", parameters_);
    squares_ = zero_slot("exp_avg_sq", parameters_);
    for (const auto& [name, tensor] : parameters_) {
      steps_.push_back({concat("step.", name), at::zeros({}, at::kFloat)});
    }
  }

  void step(double lr, const at::Tensor& factor) override {
    if (updates_in_one_launch(parameters_)) return step_on_gpu(lr, factor);
    if (!multiply_gradients(parameters_, factor)) return;
    AdamGroup matrices, others;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const at::Tensor& parameter = parameters_[i].tensor;
      if (!parameter.grad().defined()) continue;
      AdamGroup& group = parameter.dim() >= 2 ? matrices : others;
      group.parameters.push_back(parameter);
      group.gradients.push_back(parameter.grad().contiguous());
      group.means.push_back(means_[i].tensor);
      group.squares.push_back(squares_[i].tensor);
      count_step(i);
      group.steps.push_back(steps_[i].tensor.to(parameter.device()));
    }
    update(matrices, lr, options_.weight_decay);
    update(others, lr, 0.0);
  }

  NamedTensors state() const override {
    NamedTensors all = means_;
    all.insert(all.end(), squares_.begin(), squares_.end());
    all.insert(all.end(), steps_.begin(), steps_.end());
    return all;
  }

  void load_state(const NamedTensors& state) override { copy_state(state, this->state()); }
  bool is_elementwise() const override { return true; }

 private:
  float count_step(std::size_t number) {
    return *steps_[number].tensor.mutable_data_ptr<float>() += 1.0f;
  }

  void step_on_gpu(double lr, const at::Tensor& factor) {
    std::vector<UpdatedTensor> tensors;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const at::Tensor& parameter = parameters_[i].tensor;
      if (!parameter.grad().defined()) continue;
      const double steps = count_step(i);
      tensors.push_back({.parameter = parameter,
                         .gradient = parameter.grad().contiguous(),
                         .first = means_[i].tensor,
                         .second = squares_[i].tensor,
                         .keep = parameter.dim() >= 2 ? 1.0 - lr * options_.weight_decay : 1.0,
                         .step_size = lr / (1.0 - std::pow(options_.beta1, steps)),
                         .root_factor = 1.0 / std::sqrt(1.0 - std::pow(options_.beta2, steps))});
    }
    update_by_adamw(tensors, {options_.beta1, options_.beta2, options_.eps}, factor);
  }

  void update(const AdamGroup& group, double lr, double weight_decay) const {
    if (group.parameters.empty()) return;
    const at::NoGradGuard no_gradient;
    at::_fused_adamw_(group.parameters, group.gradients, group.means, group.squares, {},
                      group.steps, lr, options_.beta1, options_.beta2, weight_decay, options_.eps,
                      /*amsgrad=*/false, /*maximize=*/false);
  }

  AdamWOptions options_;
  NamedTensors parameters_, means_, squares_, steps_;
};

}  // namespace

AdamWOptions read_adamw(const config::Reader& reader) {
  AdamWOptions options;
  options.beta1 = reader.number("beta1", {.low = 0.0, .below = 1.0}, options.beta1);
  options.beta2 = reader.number("beta2", {.low = 0.0, .below = 1.0}, options.beta2);
  options.eps = reader.number("eps", {.high = 1.0, .above = 0.0}, options.eps);
  options.weight_decay = reader.number("weight_decay", {.low = 0.0}, options.weight_decay);
  return options;
}

std::unique_ptr<Optimizer> make_adamw(const AdamWOptions& options, const NamedTensors& parameters) {
  return std::make_unique<AdamW>(options, parameters);
}

}  // namespace longspan
