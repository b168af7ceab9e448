// The order of the paper's code (A.7): blocks are put into batches once, by a permutation of the
// seed and then by length, so that the one short block comes first; each epoch shuffles the batches
// by seed + epoch. A step takes the batches of all ranks and accumulation passes; the last step of
// an epoch takes what is left.
#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>
#include <utility>

#include "data/batch_orders.h"
#include "data/numpy_random.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

using Numbers = std::vector<std::int64_t>;

class FairseqPlan final : public BatchPlan {
 public:
  explicit FairseqPlan(const BatchPlanOptions& options)
      : num_blocks_(options.num_blocks),
        batch_size_(options.sequences_per_pass),
        seed_(static_cast<std::uint32_t>(options.seed)),
        batches_per_step_(options.sequences_per_step / options.sequences_per_pass),
        num_batches_(ceil_divide(num_blocks_, batch_size_)),
        blocks_(ordered_blocks(options)) {}

  StepSequences sequences(std::int64_t step) const override {
    StepSequences result;
    result.epoch = step / steps_per_epoch();
    const auto batches = batches_of(result.epoch);
    const std::int64_t first = step % steps_per_epoch() * batches_per_step_,
                       last = std::min(first + batches_per_step_, num_batches_);
    result.first_sequence = result.epoch * num_blocks_ + first * batch_size_;
    // The batch frozen last is the only one that may hold fewer.
    const auto smaller = std::find(batches->begin(), batches->begin() + first, num_batches_ - 1);
    if (smaller != batches->begin() + first)
      result.first_sequence -= num_batches_ * batch_size_ - num_blocks_;
    for (std::int64_t i = first; i < last; ++i) append((*batches)[std::size_t(i)], result.blocks);
    return result;
  }

  std::int64_t steps_per_epoch() const override {
    return ceil_divide(num_batches_, batches_per_step_);
  }

 private:
  // numpy.lexsort((permutation, sizes)): by size, then by the block's place in the permutation.
  static Numbers ordered_blocks(const BatchPlanOptions& options) {
    const Numbers keys =
        NumpyRandom(static_cast<std::uint32_t>(options.seed)).permutation(options.num_blocks);
    Numbers blocks(keys.size());
    for (std::size_t block = 0; block < keys.size(); ++block)
      blocks[static_cast<std::size_t>(keys[block])] = static_cast<std::int64_t>(block);
    if (options.last_block_is_short)
      std::stable_partition(blocks.begin(), blocks.end(),
                            [&](std::int64_t block) { return block == options.num_blocks - 1; });
    return blocks;
  }

  void append(std::int64_t batch, Numbers& blocks) const {
    const auto begin = blocks_.begin() + batch * batch_size_,
               end = blocks_.begin() + std::min((batch + 1) * batch_size_, num_blocks_);
    blocks.insert(blocks.end(), begin, end);
  }

  std::shared_ptr<const Numbers> batches_of(std::int64_t epoch) const {
    const std::lock_guard lock(mutex_);
    if (!batches_ || epoch_ != epoch) {
      Numbers batches(static_cast<std::size_t>(num_batches_));
      std::iota(batches.begin(), batches.end(), std::int64_t{0});
      NumpyRandom(seed_ + static_cast<std::uint32_t>(epoch + 1)).shuffle(batches);
      batches_ = std::make_shared<const Numbers>(std::move(batches));
      epoch_ = epoch;
    }
    return batches_;
  }

  std::int64_t num_blocks_, batch_size_;
  std::uint32_t seed_;
  std::int64_t batches_per_step_, num_batches_;
  Numbers blocks_;  // in the order in which they were put into batches
  mutable std::mutex mutex_;
  mutable std::int64_t epoch_ = 0;
  mutable std::shared_ptr<const Numbers> batches_;  // a cache: a function of (seed, epoch)
};

}  // namespace

std::unique_ptr<BatchPlan> make_fairseq_plan(const BatchPlanOptions& options) {
  check(options.sequences_per_pass > 0 &&
            options.sequences_per_step % options.sequences_per_pass == 0,
        ErrorKind::Config,
        "data.order fairseq makes batches of train.micro_batch_tokens, which must divide "
        "train.batch_tokens; got ",
        options.sequences_per_pass, " and ", options.sequences_per_step, " sequences");
  check(options.seed < (std::uint64_t{1} << 31), ErrorKind::Config,
        "data.order fairseq takes a seed below 2^31, got ", options.seed);
  return std::make_unique<FairseqPlan>(options);
}

}  // namespace longspan
