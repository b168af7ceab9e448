// Heavy-ball momentum. LibTorch's fused operator is not used: its weight decay enters the gradient,
// ours is decoupled.

#include "optim/kinds.h"
#include "optim/momentum.h"
#include "optim/state.h"

namespace longspan {
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(const SgdOptions& options, const NamedTensors& parameters)
      : options_(options), velocities_(parameters) {}

  void step(double lr, const at::Tensor& factor) override {
    const MomentumRule rule{.velocity_to_parameter = -lr * options_.momentum,
                            .gradient_to_parameter = -lr,
                            .velocity_keep = options_.momentum,
                            .gradient_to_velocity = 1.0};
    velocities_.update(rule, 1.0 - lr * options_.weight_decay, factor);
  }

  NamedTensors state() const override { return velocities_.state(); }
  void load_state(const NamedTensors& state) override { copy_state(state, velocities_.state()); }
  bool is_elementwise() const override { return true; }

 private:
  SgdOptions options_;
  Velocities velocities_;
};

}  // namespace

SgdOptions read_sgd(const config::Reader& reader) {
  SgdOptions options;
  options.momentum = reader.number("momentum", {.low = 0.0, .below = 1.0}, options.momentum);
  options.weight_decay = reader.number("weight_decay", {.low = 0.0}, options.weight_decay);
  return options;
}

std::unique_ptr<Optimizer> make_sgd(const SgdOptions& options, const NamedTensors& parameters) {
  return std::make_unique<Sgd>(options, parameters);
}

}  // namespace longspan
