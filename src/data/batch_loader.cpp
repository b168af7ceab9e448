// Reads ahead on one thread through a bounded queue. The thread ends at its first error, which
// next() throws once the steps before it are used up, and at every call after that.
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

// More would not speed up anything, and leave the caches where a step has some 100,000 tokens.
constexpr std::size_t kStepsAhead = 2;

}  // namespace

struct BatchLoader::State {
  TokenStream stream;
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
    read_blocks(stream, seq_len, start_id, blocks, sequences.first_sequence + own.begin,
                step.batch);
  }

  // Waits until there is room for one step more, and returns what to load it into; nothing when
  // the loader ends.
  std::optional<Step> wait_for_room() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return stopping || ready.size() < kStepsAhead; });
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

BatchLoader::BatchLoader(TokenStream stream, std::shared_ptr<const BatchPlan> plan,
                         std::int64_t seq_len, std::int32_t start_id, std::int64_t first_step,
                         BatchShare share)
    : state_(new State{std::move(stream),
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
  state_->changed.notify_all();
  return state_->current;
}

}  // namespace longspan
