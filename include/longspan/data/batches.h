#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "longspan/data/shards.h"

namespace longspan {

/// The target id of a position that is not scored (the padding of a short block).
inline constexpr std::int64_t kIgnoredTarget = -1;

/// What a corpus of a mixture gave to a run.
struct CorpusProgress {
  std::int64_t sequences = 0;
  std::int64_t tokens = 0;
  double epoch = 0.0;  ///< passes over the corpus, a fraction
};

/// The sequences of one optimizer step over all ranks, a function of (seed, step) alone.
struct StepSequences {
  std::int64_t epoch = 0;            ///< of the first sequence, from 0
  std::int64_t first_sequence = 0;   ///< running number of blocks[0] over the whole run
  std::vector<std::int64_t> blocks;  ///< numbers of blocks, through all corpora
};

/// Says which blocks each optimizer step trains on. Stateless: any step can be asked for in any
/// order.
class BatchPlan {
 public:
  virtual ~BatchPlan() = default;
  virtual StepSequences sequences(std::int64_t step) const = 0;
  virtual std::int64_t steps_per_epoch() const = 0;
  /// Returns what each corpus of a mixture gave to the steps before this one; nothing where there
  /// is no mixture.
  virtual std::vector<CorpusProgress> progress([[maybe_unused]] std::int64_t step) const {
    return {};
  }
};

/// A corpus of a mixture.
struct CorpusShare {
  std::int64_t weight = 1;  ///< its share of the sequences, relative to the others'
  std::int64_t num_tokens = 0;
};

struct BatchPlanOptions {
  BatchOrder order = BatchOrder::Shuffled;
  std::uint64_t seed = 1;
  std::int64_t num_blocks = 0;
  std::int64_t sequences_per_step = 0;
  std::int64_t sequences_per_pass = 0;    ///< fairseq: of a batch
  bool last_block_is_short = false;       ///< fairseq: then it comes first
  std::vector<CorpusShare> corpora = {};  ///< of a mixture, whose blocks num_blocks counts together
  std::int64_t seq_len = 0;               ///< with corpora: tokens of a block
};
/// Makes the plan. shuffled and sequential run through epochs without a gap: a step may hold the
/// end of one and the start of the next; each epoch of shuffled has its own permutation. fairseq's
/// steps end with the epoch, the last one with what is left. Of a mixture each corpus goes through
/// epochs of its own in that order; which corpus a sequence is of follows from its running number
/// alone (MixtureRule), and an epoch of the whole has as many sequences as all corpora have blocks.
std::unique_ptr<BatchPlan> make_batch_plan(const BatchPlanOptions& options);
/// Returns an order as config files spell it.
std::string_view name_of(BatchOrder order);
/// Returns the version of an order: runs of equal ones have the same blocks in the same steps.
int version_of(BatchOrder order);

class DocumentCut;

/// The documents that bound the sequences of training streams.
struct StreamDocuments {
  DocumentBounds bounds = DocumentBounds::None;
  std::vector<std::shared_ptr<const DocumentTable>> tables;  ///< of each stream, unless None
};

/// The streams that training sequences are cut from: one, or one for each corpus of a mixture.
/// Their blocks are numbered through.
class TrainingStreams {
 public:
  TrainingStreams(TokenStream stream) : streams_{std::move(stream)} {}  // NOLINT: is one, too
  explicit TrainingStreams(std::vector<TokenStream> streams) : streams_(std::move(streams)) {}
  /// @param seq_len that blocks will be asked for with
  TrainingStreams(std::vector<TokenStream> streams, StreamDocuments documents,
                  std::int64_t seq_len);

  const TokenStream& operator[](std::size_t corpus) const { return streams_[corpus]; }
  std::size_t count() const { return streams_.size(); }
  auto begin() const { return streams_.begin(); }
  auto end() const { return streams_.end(); }
  /// Returns the number of tokens of all.
  std::int64_t size() const;
  /// Returns how a corpus is cut into blocks of one document; null where blocks run across them.
  const DocumentCut* cut(std::size_t corpus) const {
    return cuts_.empty() ? nullptr : cuts_[corpus].get();
  }
  /// Returns the documents of a corpus that attention stays in; null where it does not.
  const DocumentTable* attention_documents(std::size_t corpus) const {
    return documents_.bounds == DocumentBounds::Attention ? documents_.tables[corpus].get()
                                                          : nullptr;
  }

 private:
  std::vector<TokenStream> streams_;
  StreamDocuments documents_;
  std::vector<std::shared_ptr<const DocumentCut>> cuts_;  // of each stream where blocks are bound
};

/// Where a block lies.
struct BlockPlace {
  std::size_t corpus = 0;
  std::int64_t number = 0;  ///< of the block in its corpus
  std::int64_t begin = 0;   ///< its first token in the corpus's stream
  std::int64_t count = 0;   ///< its tokens, at least one
};
/// Returns where a block lies. @param block in 0 .. num_blocks(streams, seq_len)-1
BlockPlace place_of_block(const TrainingStreams& streams, std::int64_t seq_len, std::int64_t block);

/// Cuts a stream at multiples of seq_len, or each of its documents as DocumentCut does; shorter
/// blocks at the end are kept. A block predicts its own
/// tokens; its input is the same span shifted right by one in the stream, start_id in front of the
/// first (A.7 of the paper's code).
std::int64_t num_blocks(const TrainingStreams& streams, std::int64_t seq_len);

/// Sequences in memory, row-major [num_sequences, seq_len].
struct HostBatch {
  std::int64_t num_sequences = 0;
  std::int64_t seq_len = 0;
  std::int64_t num_targets = 0;          ///< targets that are not kIgnoredTarget
  std::vector<std::int64_t> input_ids;   ///< 0 under padding
  std::vector<std::int64_t> target_ids;  ///< kIgnoredTarget under padding
  std::vector<std::int64_t>
      sequence_ids;  ///< [num_sequences] running number over the run, for random numbers
  /// The first position that each position attends to; empty where that is the first of all.
  std::vector<std::int32_t> first_seen = {};
};

/// Reads the given blocks into a batch, in place of what it held: one that held as many takes no
/// memory anew. Row i gets sequence id first_sequence + i.
void read_blocks(const TrainingStreams& streams, std::int64_t seq_len, std::int32_t start_id,
                 std::span<const std::int64_t> blocks, std::int64_t first_sequence,
                 HostBatch& batch);

/// One of `count` nearly equal, contiguous parts of each step's sequences: a rank's.
struct BatchShare {
  int index = 0;
  int count = 1;
};

/// Loads the batches of steps first_step, first_step+1, ... ahead on a thread of its own. A share
/// of a step that has fewer sequences than shares may be empty.
class BatchLoader {
 public:
  BatchLoader(TrainingStreams streams, std::shared_ptr<const BatchPlan> plan, std::int64_t seq_len,
              std::int32_t start_id, std::int64_t first_step, BatchShare share = {});
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  struct Step {
    std::int64_t step = 0;
    std::int64_t epoch = 0;
    HostBatch batch;
  };
  /// Returns the next step's batch, which stays until the next call, waiting for it when it is not
  /// there yet. Rethrows the thread's error.
  const Step& next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace longspan
