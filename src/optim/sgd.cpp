// Heavy-ball momentum. LibTorch's fused operator is not used: its weight decay enters the gradient,
// ours is decoupled.

#include "optim/kinds.h"
#include "optim/momentum.h"
#include "optim/state.h"

namespace longspan {
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerConfig& config, const NamedTensors& parameters)
      : momentum_(config.momentum), weight_decay_(config.weight_decay), velocities_(parameters) {}

  void step(double lr) override {
    const MomentumRule rule{.velocity_to_parameter = -lr * momentum_,
                            .gradient_to_parameter = -lr,
                            .velocity_keep = momentum_,
                            .gradient_to_velocity = 1.0};
    velocities_.update(rule, 1.0 - lr * weight_decay_);
  }

  NamedTensors state() const override { return velocities_.state(); }
  void load_state(const NamedTensors& state) override { copy_state(state, velocities_.state()); }

 private:
  double momentum_;
  double weight_decay_;
  Velocities velocities_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const OptimizerConfig& config, const NamedTensors& parameters) {
  return std::make_unique<Sgd>(config, parameters);
}

}  // namespace longspan
