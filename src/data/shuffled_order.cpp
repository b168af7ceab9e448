// A random permutation of all blocks for each epoch, a function of (seed, epoch), of which nothing
// is kept: a corpus of any size starts at once. How it is worked out is numbered in kBatchOrders.
#include <algorithm>

#include "data/batch_orders.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/random.h"
#include "longspan/core/random_permutation.h"

namespace longspan {
namespace {

class ShuffledPlan final : public BatchPlan {
 public:
  explicit ShuffledPlan(const BatchPlanOptions& options) : options_(options) {}

  StepSequences sequences(std::int64_t step) const override {
    StepSequences sequences;
    sequences.first_sequence = step * options_.sequences_per_step;
    sequences.epoch = sequences.first_sequence / options_.num_blocks;
    sequences.blocks.reserve(static_cast<std::size_t>(options_.sequences_per_step));
    const std::int64_t end = sequences.first_sequence + options_.sequences_per_step;
    for (std::int64_t sequence = sequences.first_sequence; sequence < end;) {
      const std::int64_t epoch = sequence / options_.num_blocks,
                         epoch_begin = epoch * options_.num_blocks;
      const RandomPermutation permutation(
          options_.num_blocks,
          random_key(options_.seed, RandomPurpose::DataOrder, static_cast<std::uint64_t>(epoch)));
      for (; sequence < std::min(end, epoch_begin + options_.num_blocks); ++sequence)
        sequences.blocks.push_back(permutation.at(sequence - epoch_begin));
    }
    return sequences;
  }

  std::int64_t steps_per_epoch() const override {
    return ceil_divide(options_.num_blocks, options_.sequences_per_step);
  }

 private:
  BatchPlanOptions options_;
};

}  // namespace

std::unique_ptr<BatchPlan> make_shuffled_plan(const BatchPlanOptions& options) {
  return std::make_unique<ShuffledPlan>(options);
}

}  // namespace longspan
