// fairseq's NAG. Its velocity is in units of the parameter, so it is rescaled by lr / previous lr
// at every step; the previous rate is part of the state.

#include <ATen/ops/ones.h>

#include "optim/kinds.h"
#include "optim/momentum.h"
#include "optim/state.h"

namespace longspan {
namespace {

class Nag final : public Optimizer {
 public:
  Nag(const NagOptions& options, const NamedTensors& parameters)
      : options_(options), velocities_(parameters) {}

  void step(double lr, const at::Tensor& factor) override {
    auto& previous_lr = *previous_lr_.mutable_data_ptr<double>();
    const double correction = previous_lr > 0.0 ? lr / previous_lr : lr;
    const double momentum = options_.momentum;
    const MomentumRule rule{.velocity_to_parameter = momentum * momentum * correction,
                            .gradient_to_parameter = -(1.0 + momentum) * lr,
                            .velocity_keep = momentum * correction,
                            .gradient_to_velocity = -lr};
    velocities_.update(rule, 1.0 - lr * options_.weight_decay, factor);
    previous_lr = lr;
  }

  NamedTensors state() const override {
    NamedTensors all = velocities_.state();
    all.push_back({"previous_lr", previous_lr_});
    return all;
  }

  void load_state(const NamedTensors& state) override { copy_state(state, this->state()); }
  bool is_elementwise() const override { return true; }

 private:
  NagOptions options_;
  Velocities velocities_;
  // Any positive start serves: the velocity that it rescales at the first step is zero.
  at::Tensor previous_lr_ = at::ones({}, at::kDouble);
};

}  // namespace

NagOptions read_nag(const config::Reader& reader) {
  NagOptions options;
  options.momentum = reader.number("momentum", {.low = 0.0, .below = 1.0}, options.momentum);
  options.weight_decay = reader.number("weight_decay", {.low = 0.0}, options.weight_decay);
  return options;
}

std::unique_ptr<Optimizer> make_nag(const NagOptions& options, const NamedTensors& parameters) {
  return std::make_unique<Nag>(options, parameters);
}

}  // namespace longspan
