// A rank owns its part of the rows of a parameter. A row is an entry
// along the first dimension, so that a rank's rows are contiguous and keep the number of
// dimensions, by which optimizers tell matrices from the rest.

#include "train/sharded_optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/part.h"
#include "longspan/distributed/buckets.h"

namespace longspan {
namespace {

// A scalar is one row.
at::Tensor as_rows(const at::Tensor& tensor) {
  return tensor.dim() == 0 ? tensor.view({1}) : tensor;
}

at::Tensor share_of(const at::Tensor& tensor, int rank, int world_size) {
  const at::Tensor rows = as_rows(tensor);
  const Part own = part_of(rows.size(0), rank, world_size);
  return rows.narrow(0, own.begin, own.size());
}

// Fills, in tensors of which every rank has its own rows right, those of all others. Tensors of one
// dtype travel together.
class RowGatherer {
 public:
  explicit RowGatherer(Communicator& communicator) : communicator_(communicator) {}

  void gather(const std::vector<at::Tensor>& tensors) {
    const at::NoGradGuard no_gradient;
    for (std::size_t begin = 0, end = 0; begin < tensors.size(); begin = end) {
      std::int64_t elements = 0;
      while (end < tensors.size() && (end == begin || elements < kGatheredElements) &&
             tensors[end].scalar_type() == tensors[begin].scalar_type())
        elements += share(tensors[end++], 0).numel();
      exchange({tensors.begin() + static_cast<std::ptrdiff_t>(begin),
                tensors.begin() + static_cast<std::ptrdiff_t>(end)});
    }
  }

 private:
  at::Tensor share(const at::Tensor& tensor, int rank) const {
    return share_of(tensor, rank, communicator_.world_size());
  }

  void exchange(const std::vector<at::Tensor>& tensors) {
    std::int64_t longest = 0;
    for (int rank = 0; rank < communicator_.world_size(); ++rank) {
      std::int64_t elements = 0;
      for (const auto& tensor : tensors) elements += share(tensor, rank).numel();
      longest = std::max(longest, elements);
    }
    at::Tensor own = at::zeros({longest}, tensors.front().options().requires_grad(false));
    copy(tensors, communicator_.rank(), own, /*out=*/true);
    const auto all = communicator_.all_gather(own);
    for (int rank = 0; rank < communicator_.world_size(); ++rank)
      if (rank != communicator_.rank())
        copy(tensors, rank, all[static_cast<std::size_t>(rank)], /*out=*/false);
  }

  void copy(const std::vector<at::Tensor>& tensors, int rank, const at::Tensor& flat,
            bool out) const {
    std::int64_t offset = 0;
    for (const auto& tensor : tensors) {
      const at::Tensor rows = share(tensor, rank);
      const at::Tensor place = flat.narrow(0, offset, rows.numel()).view(rows.sizes());
      if (out)
        place.copy_(rows);
      else
        rows.copy_(place);
      offset += rows.numel();
    }
  }

  Communicator& communicator_;
};

class ShardedOptimizer final : public Optimizer {
 public:
  ShardedOptimizer(const OptimizerConfig& config, const NamedTensors& parameters,
                   Communicator& communicator)
      : parameters_(parameters), communicator_(communicator) {
    for (const auto& [name, tensor] : parameters_)
      shares_.push_back({name, own_share(tensor.detach())});
    inner_ = config.make(shares_);
    check(
        inner_->is_elementwise(), ErrorKind::Config,
        "distributed.shard_optimizer: needs an optimizer that updates each element by itself, got "
        "optimizer.kind ",
        config.kind, "; set distributed.shard_optimizer to false");
  }

  void step(double lr, const at::Tensor& factor) override {
    std::vector<at::Tensor> whole;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const at::Tensor& gradient = parameters_[i].tensor.grad();
      at::Tensor& share = shares_[i].tensor.mutable_grad();
      share = gradient.defined() ? own_share(gradient) : at::Tensor();
      if (gradient.defined()) whole.push_back(parameters_[i].tensor.detach());
    }
    inner_->step(lr, factor);
    for (auto& share : shares_) share.tensor.mutable_grad().reset();
    RowGatherer(communicator_).gather(whole);
  }

  NamedTensors state() const override {
    NamedTensors whole = inner_->state();
    std::vector<at::Tensor> gathered;
    for (auto& [name, tensor] : whole) {
      const at::Tensor* parameter = sharded_like(name, tensor);
      if (parameter == nullptr) continue;
      at::Tensor all = at::empty(parameter->sizes(), tensor.options());
      own_share(all).copy_(tensor);
      gathered.push_back(tensor = all);
    }
    RowGatherer(communicator_).gather(gathered);
    return whole;
  }

  void load_state(const NamedTensors& state) override {
    const NamedTensors own = inner_->state();
    NamedTensors shares;
    for (const auto& [name, tensor] : state) {
      const auto found = std::ranges::find(own, name, &NamedTensor::name);
      const at::Tensor* parameter =
          found == own.end() ? nullptr : sharded_like(name, found->tensor);
      const bool fits = parameter != nullptr && tensor.sizes() == parameter->sizes();
      shares.push_back({name, fits ? own_share(tensor) : tensor});
    }
    inner_->load_state(shares);
  }

  bool is_elementwise() const override { return inner_->is_elementwise(); }

 private:
  at::Tensor own_share(const at::Tensor& tensor) const {
    return share_of(tensor, communicator_.rank(), communicator_.world_size());
  }

  // Returns the whole parameter whose share a tensor of the state stands beside; nothing for one
  // that all ranks have alike, as a count of steps.
  const at::Tensor* sharded_like(const std::string& name, const at::Tensor& tensor) const {
    const std::string parameter = name.substr(name.find('.') + 1);
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      if (parameters_[i].name == parameter)
        return tensor.sizes() == shares_[i].tensor.sizes() ? &parameters_[i].tensor : nullptr;
    return nullptr;
  }

  NamedTensors parameters_, shares_;
  Communicator& communicator_;
  std::unique_ptr<Optimizer> inner_;
};

}  // namespace

std::unique_ptr<Optimizer> make_run_optimizer(const RunConfig& config,
                                              const NamedTensors& parameters,
                                              Communicator& communicator) {
  if (!config.distributed.shard_optimizer || communicator.is_alone())
    return config.optimizer.make(parameters);
  return std::make_unique<ShardedOptimizer>(config.optimizer, parameters, communicator);
}

}  // namespace longspan
