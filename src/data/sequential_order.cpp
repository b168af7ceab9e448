// Blocks in the order of the text, epoch after epoch.
#include "data/batch_orders.h"
#include "longspan/core/ceil_divide.h"

namespace longspan {
namespace {

class SequentialPlan final : public BatchPlan {
 public:
  explicit SequentialPlan(const BatchPlanOptions& options) : options_(options) {}

  StepSequences sequences(std::int64_t step) const override {
    StepSequences sequences;
    sequences.first_sequence = step * options_.sequences_per_step;
    sequences.epoch = sequences.first_sequence / options_.num_blocks;
    for (std::int64_t i = 0; i < options_.sequences_per_step; ++i) {
      sequences.blocks.push_back((sequences.first_sequence + i) % options_.num_blocks);
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

std::unique_ptr<BatchPlan> make_sequential_plan(const BatchPlanOptions& options) {
  return std::make_unique<SequentialPlan>(options);
}

}  // namespace longspan
