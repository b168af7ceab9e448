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
  Nag(const OptimizerConfig& config, const NamedTensors& parameters)
      : momentum_(config.momentum), weight_decay_(config.weight_decay), velocities_(parameters) {}

  void step(double lr) override {
    auto& previous_lr = *previous_lr_.mutable_data_ptr<double>();
    const double correction = previous_lr > 0.0 ? lr / previous_lr : lr;
    const MomentumRule rule{.velocity_to_parameter = momentum_ * momentum_ * correction,
                            .gradient_to_parameter = -(1.0 + momentum_) * lr,
                            .velocity_keep = momentum_ * correction,
                            .gradient_to_velocity = -lr};
    velocities_.update(rule, 1.0 - lr * weight_decay_);
    previous_lr = lr;
  }

  NamedTensors state() const override {
    NamedTensors all = velocities_.state();
    all.push_back({"previous_lr", previous_lr_});
    return all;
  }

  void load_state(const NamedTensors& state) override { copy_state(state, this->state()); }

 private:
  double momentum_;
  double weight_decay_;
  Velocities velocities_;
  // Any positive start serves: the velocity that it rescales at the first step is zero.
  at::Tensor previous_lr_ = at::ones({}, at::kDouble);
};

}  // namespace

std::unique_ptr<Optimizer> make_nag(const OptimizerConfig& config, const NamedTensors& parameters) {
  return std::make_unique<Nag>(config, parameters);
}

}  // namespace longspan
