// A mixture: MixtureRule says which corpus a sequence is of, and the corpus's own order which
// block. What is kept is a place from which the rule goes on, a function of the sequence that was
// asked for.
#include <algorithm>
#include <mutex>
#include <numeric>
#include <utility>

#include "data/batch_orders.h"
#include "data/mixture_rule.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/core/random.h"
#include "longspan/core/random_permutation.h"

namespace longspan {
namespace {

constexpr int kCorpusBits = 48;  // above an epoch's number, in the index of its order

MixtureRule rule_of(const std::vector<CorpusShare>& corpora) {
  MixtureRule::Counts weights;
  for (const CorpusShare& corpus : corpora) weights.push_back(corpus.weight);
  return MixtureRule(std::move(weights));
}

class MixturePlan final : public BatchPlan {
 public:
  explicit MixturePlan(const BatchPlanOptions& options)
      : options_(options), rule_(rule_of(options.corpora)), counts_(rule_.counts_before(0)) {
    for (const CorpusShare& corpus : options.corpora) {
      const std::int64_t blocks = ceil_divide(corpus.num_tokens, options.seq_len);
      check(blocks > 0, ErrorKind::Data, "each corpus must have at least one block, got ", blocks);
      first_blocks_.push_back(num_blocks_.empty() ? 0 : first_blocks_.back() + num_blocks_.back());
      num_blocks_.push_back(blocks);
    }
  }

  StepSequences sequences(std::int64_t step) const override {
    StepSequences sequences;
    sequences.first_sequence = step * options_.sequences_per_step;
    sequences.epoch = sequences.first_sequence / options_.num_blocks;
    auto counts = counts_before(sequences.first_sequence);
    for (std::int64_t i = 0; i < options_.sequences_per_step; ++i) {
      const std::size_t corpus = rule_.next(counts);
      sequences.blocks.push_back(first_blocks_[corpus] + block_of(corpus, counts[corpus] - 1));
    }
    return sequences;
  }

  std::int64_t steps_per_epoch() const override {
    return ceil_divide(options_.num_blocks, options_.sequences_per_step);
  }

  std::vector<CorpusProgress> progress(std::int64_t step) const override {
    const auto counts = counts_before(step * options_.sequences_per_step);
    std::vector<CorpusProgress> progress;
    for (std::size_t corpus = 0; corpus < counts.size(); ++corpus)
      progress.push_back(
          {counts[corpus], tokens_of(corpus, counts[corpus]),
           static_cast<double>(counts[corpus]) / static_cast<double>(num_blocks_[corpus])});
    return progress;
  }

 private:
  RandomPermutation order_of(std::size_t corpus, std::int64_t epoch) const {
    const auto index = static_cast<std::uint64_t>(corpus) << kCorpusBits;
    return {num_blocks_[corpus], random_key(options_.seed, RandomPurpose::DataOrder,
                                            index | static_cast<std::uint64_t>(epoch))};
  }

  // The block that is the `number`th of a corpus in the run.
  std::int64_t block_of(std::size_t corpus, std::int64_t number) const {
    const std::int64_t place = number % num_blocks_[corpus];
    if (options_.order == BatchOrder::Sequential) return place;
    return order_of(corpus, number / num_blocks_[corpus]).at(place);
  }

  std::int64_t tokens_of(std::size_t corpus, std::int64_t sequences) const {
    const std::int64_t blocks = num_blocks_[corpus], tokens = options_.corpora[corpus].num_tokens,
                       epoch = sequences / blocks, rest = sequences % blocks,
                       missing = blocks * options_.seq_len - tokens;
    const std::int64_t last_place = options_.order == BatchOrder::Sequential
                                        ? blocks - 1
                                        : order_of(corpus, epoch).place_of(blocks - 1);
    return epoch * tokens + rest * options_.seq_len - (last_place < rest ? missing : 0);
  }

  // Steps are mostly asked for in order, and the rule begins again after each of its periods.
  MixtureRule::Counts counts_before(std::int64_t sequence) const {
    const std::lock_guard lock(mutex_);
    if (sequence < sequence_ || sequence - sequence_ > sequence % rule_.period()) {
      counts_ = rule_.counts_before(sequence);
      sequence_ = sequence;
    }
    for (; sequence_ < sequence; ++sequence_) rule_.next(counts_);
    return counts_;
  }

  BatchPlanOptions options_;
  MixtureRule rule_;
  std::vector<std::int64_t> num_blocks_, first_blocks_;  // by corpus
  mutable std::mutex mutex_;
  mutable std::int64_t sequence_ = 0;
  mutable MixtureRule::Counts counts_;  // before that sequence
};

}  // namespace

std::unique_ptr<BatchPlan> make_mixture_plan(const BatchPlanOptions& options) {
  check(options.order != BatchOrder::Fairseq, ErrorKind::Config,
        "data.order fairseq makes batches of one text; take shuffled or sequential with a mixture");
  return std::make_unique<MixturePlan>(options);
}

}  // namespace longspan
