// Which optimizers may be sharded.

#include "train/sharded_optimizer.h"

#include <array>
#include <string>

#include "longspan/core/error.h"
#include "support/ranks.h"
#include "support/torch_catch.h"
#include "support/trainable.h"

namespace longspan {
namespace {

// Divides the gradient by its length, which needs all of it.
class Normalizing final : public Optimizer {
 public:
  explicit Normalizing(const NamedTensors& parameters) : parameters_(parameters) {}
  void step(double lr, const at::Tensor&) override {
    for (const auto& [name, tensor] : parameters_)
      tensor.sub_(tensor.grad() / tensor.grad().norm(), lr);
  }
  NamedTensors state() const override { return {}; }
  void load_state(const NamedTensors&) override {}
  bool is_elementwise() const override { return false; }

 private:
  NamedTensors parameters_;
};

TEST_CASE("an optimizer that needs whole tensors is not sharded") {
  const OptimizerConfig config{"normalizing", [](const NamedTensors& parameters) {
                                 return std::make_unique<Normalizing>(parameters);
                               }};
  std::array<std::string, 2> refusals;
  testing::run_ranks(2, [&](Communicator& communicator) {
    ParameterShards shards(testing::random_parameters(1), communicator, 1 << 20);
    try {
      make_sharded_optimizer(config, shards);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Config)
        refusals[static_cast<std::size_t>(communicator.rank())] = error.what();
    }
  });
  for (const auto& refusal : refusals)
    CHECK(refusal ==
          "distributed.shard_optimizer: needs an optimizer that updates each element by itself, "
          "got optimizer.kind normalizing; set distributed.shard_optimizer to false");
}

}  // namespace
}  // namespace longspan
