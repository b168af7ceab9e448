// Reads ahead on one thread through a bounded queue. The thread ends at its first error, which
// next() throws once the steps before it are used up, and at every call after that.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "longspan/core/part.h"
#include "longspan/data/batches.h"

namespace longspan {
namespace {

// Two steps ahead, so that what is read is still in the caches where a step has some 100,000
// tokens; more of small ones, which a busy machine would not give time to in every step.
constexpr std::size_t kStepsAhead = 2, kMostStepsAhead = 64, kBytesAhead = std::size_t{1} << 21;

std::size_t steps_ahead(const HostBatch& batch) {
  const std::size_t bytes = 2 * sizeof(std::int64_t) * batch.input_ids.size();
  return std::clamp(kBytesAhead / std::max<std::size_t>(1, bytes), kStepsAhead, kMostStepsAhead);
}

}  // namespace

struct BatchLoader::State {
  TrainingStreams streams;
  std::shared_ptr<const BatchPlan> plan;
  std::int64_t seq_len;
  std::int32_t start_id;
  BatchShare share;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Step> ready;
  std::vector<Step> spare;  // used up; their memory is taken again
  Step current;             // the one that next() returned
  std::exception_ptr error;
  std::size_t most_ready = kStepsAhead;
  bool stopping = false;
  std::thread thread;

  void load(std::int64_t number, Step& step) const {
    const StepSequences sequences = plan->sequences(number);
    const Part own =
        part_of(static_cast<std::int64_t>(sequences.blocks.size()), share.index, share.count);
    const auto blocks =
        std::span(sequences.blocks)
            .subspan(static_cast<std::size_t>(own.begin), static_cast<std::size_t>(own.size()));
    step.step = number;
    step.epoch = sequences.epoch;
    read_blocks(streams, seq_len, start_id, blocks, sequences.first_sequence + own.begin,
                step.batch);
  }

  // Waits, if all is read ahead, until half of it is used up, and returns what to load the next
  // step into; nothing when the loader ends.
  std::optional<Step> wait_for_room() {
    std::unique_lock lock(mutex);
    const std::size_t enough = ready.size() < most_ready ? most_ready : most_ready / 2 + 1;
    changed.wait(lock, [&] { return stopping || ready.size() < enough; });
    if (stopping) return std::nullopt;
    Step step;
    if (!spare.empty()) {
      step = std::move(spare.back());
      spare.pop_back();
    }
    return step;
  }

  void run(std::int64_t number) {
    try {
      for (; auto step = wait_for_room(); ++number) {
        load(number, *step);
        const std::lock_guard lock(mutex);
        most_ready = steps_ahead(step->batch);
        ready.push_back(*std::move(step));
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
      changed.notify_all();
    }
  }
};

BatchLoader::BatchLoader(TrainingStreams streams, std::shared_ptr<const BatchPlan> plan,
                         std::int64_t seq_len, std::int32_t start_id, std::int64_t first_step,
                         BatchShare share)
    : state_(new State{std::move(streams),
                       std::move(plan),
                       seq_len,
                       start_id,
                       share,
                       {},
                       {},
                       {},
                       {},
                       {},
                       {},
                       kStepsAhead,
                       false,
                       {}}) {
  state_->thread = std::thread([state = state_.get(), first_step] { state->run(first_step); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

const BatchLoader::Step& BatchLoader::next() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return !state_->ready.empty() || state_->error; });
  if (state_->ready.empty()) std::rethrow_exception(state_->error);
  state_->spare.push_back(std::exchange(state_->current, std::move(state_->ready.front())));
  state_->ready.pop_front();
  if (state_->ready.size() <= state_->most_ready / 2) state_->changed.notify_all();
  return state_->current;
}

}  // namespace longspan
