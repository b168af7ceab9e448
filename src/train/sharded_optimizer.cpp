// An optimizer over this rank's elements, whose state is shown as one over whole parameters has it.

#include "train/sharded_optimizer.h"

#include <algorithm>
#include <map>

#include "longspan/core/error.h"

namespace longspan {
namespace {

class ShardedOptimizer final : public Optimizer {
 public:
  ShardedOptimizer(const OptimizerConfig& config, ParameterShards& shards)
      : shards_(shards), inner_(config.make(shards.own())) {
    check(
        inner_->is_elementwise(), ErrorKind::Config,
        "distributed.shard_optimizer: needs an optimizer that updates each element by itself, got "
        "optimizer.kind ",
        config.kind, "; set distributed.shard_optimizer to false");
  }

  void step(double lr, const at::Tensor& factor) override {
    inner_->step(lr, factor);
    shards_.gather();
  }

  NamedTensors state() const override {
    NamedTensors whole = inner_->state();
    std::map<std::string, Slot> slots;
    for (auto& [name, tensor] : whole)
      if (const auto parameter = sharded_like(name, tensor)) {
        Slot& slot = slots[name.substr(0, name.find('.'))];
        slot.parameters.push_back(*parameter);
        slot.own.push_back(tensor);
        slot.tensors.push_back(&tensor);
      }
    for (const auto& [name, slot] : slots) {
      const auto gathered = shards_.gather(slot.parameters, slot.own);
      for (std::size_t i = 0; i < gathered.size(); ++i) *slot.tensors[i] = gathered[i];
    }
    return whole;
  }

  void load_state(const NamedTensors& state) override {
    const NamedTensors own = inner_->state();
    NamedTensors shares;
    for (const auto& [name, tensor] : state) {
      const auto found = std::ranges::find(own, name, &NamedTensor::name);
      const auto parameter = found == own.end() ? std::nullopt : sharded_like(name, found->tensor);
      const bool fits =
          parameter && tensor.sizes() == shards_.parameters()[*parameter].tensor.sizes();
      shares.push_back({name, fits ? shards_.own_elements(*parameter, tensor) : tensor});
    }
    inner_->load_state(shares);
  }

  bool is_elementwise() const override { return inner_->is_elementwise(); }

 private:
  // The state's tensors of one name, which stand beside parameters.
  struct Slot {
    std::vector<std::size_t> parameters;
    std::vector<at::Tensor> own;
    std::vector<at::Tensor*> tensors;
  };

  // Returns the number of the parameter beside whose own elements a tensor of the state stands;
  // nothing for one that all ranks have alike, as a count of steps.
  std::optional<std::size_t> sharded_like(const std::string& name, const at::Tensor& tensor) const {
    const auto& own = shards_.own();
    const auto found = std::ranges::find(own, name.substr(name.find('.') + 1), &NamedTensor::name);
    if (found == own.end() || tensor.sizes() != found->tensor.sizes()) return std::nullopt;
    return static_cast<std::size_t>(found - own.begin());
  }

  ParameterShards& shards_;
  std::unique_ptr<Optimizer> inner_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sharded_optimizer(const OptimizerConfig& config,
                                                  ParameterShards& shards) {
  return std::make_unique<ShardedOptimizer>(config, shards);
}

}  // namespace longspan
