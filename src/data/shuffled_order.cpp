// A permutation of all blocks for each epoch, a function of (seed, epoch). The ones in use are
// kept, since making one takes as long as an epoch has blocks; that is a cache and no state.
#include <memory>
#include <mutex>
#include <utility>

#include "data/batch_orders.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/random.h"

namespace longspan {
namespace {

using Permutation = std::shared_ptr<const std::vector<std::int64_t>>;

class ShuffledPlan final : public BatchPlan {
 public:
  explicit ShuffledPlan(const BatchPlanOptions& options) : options_(options) {}

  StepSequences sequences(std::int64_t step) const override {
    StepSequences sequences;
    sequences.first_sequence = step * options_.sequences_per_step;
    sequences.epoch = sequences.first_sequence / options_.num_blocks;
    std::int64_t epoch = sequences.epoch;
    Permutation permutation = permutation_of(epoch);
    for (std::int64_t i = 0; i < options_.sequences_per_step; ++i) {
      const std::int64_t sequence = sequences.first_sequence + i;
      if (sequence / options_.num_blocks != epoch) permutation = permutation_of(++epoch);
      sequences.blocks.push_back(
          (*permutation)[static_cast<std::size_t>(sequence % options_.num_blocks)]);
    }
    return sequences;
  }

  std::int64_t steps_per_epoch() const override {
    return ceil_divide(options_.num_blocks, options_.sequences_per_step);
  }

 private:
  Permutation permutation_of(std::int64_t epoch) const {
    const std::lock_guard lock(mutex_);
    Cached& cached = cached_[epoch % 2];
    if (!cached.permutation || cached.epoch != epoch) {
      const RandomStream random(options_.seed, RandomPurpose::DataOrder,
                                static_cast<std::uint64_t>(epoch));
      cached = {epoch, std::make_shared<const std::vector<std::int64_t>>(
                           random_permutation(options_.num_blocks, random))};
    }
    return cached.permutation;
  }

  struct Cached {
    std::int64_t epoch = 0;
    Permutation permutation;
  };
  BatchPlanOptions options_;
  mutable std::mutex mutex_;
  mutable Cached cached_[2];  // a step may hold the end of one epoch and the start of the next
};

}  // namespace

std::unique_ptr<BatchPlan> make_shuffled_plan(const BatchPlanOptions& options) {
  return std::make_unique<ShuffledPlan>(options);
}

}  // namespace longspan
