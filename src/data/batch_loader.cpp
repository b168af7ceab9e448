// Reads ahead on one thread through a bounded queue. The thread ends at its first error, which
// next() throws once the steps before it are used up, and at every call after that.
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "longspan/core/part.h"
#include "longspan/data/batches.h"

namespace longspan {
namespace {

constexpr std::size_t kStepsAhead = 3;

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
  std::exception_ptr error;
  bool stopping = false;
  std::thread thread;

  Step load(std::int64_t step) const {
    const StepSequences sequences = plan->sequences(step);
    const auto size = static_cast<std::int64_t>(sequences.blocks.size());
    const Part own = part_of(size, share.index, share.count);
    const std::vector<std::int64_t> blocks(sequences.blocks.begin() + own.begin,
                                           sequences.blocks.begin() + own.end);
    return {step, sequences.epoch,
            read_blocks(stream, seq_len, start_id, blocks, sequences.first_sequence + own.begin)};
  }

  bool wait_for_room() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return stopping || ready.size() < kStepsAhead; });
    return !stopping;
  }

  void run(std::int64_t step) {
    try {
      for (; wait_for_room(); ++step) {
        Step loaded = load(step);
        const std::lock_guard lock(mutex);
        ready.push_back(std::move(loaded));
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

BatchLoader::Step BatchLoader::next() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return !state_->ready.empty() || state_->error; });
  if (state_->ready.empty()) std::rethrow_exception(state_->error);
  Step step = std::move(state_->ready.front());
  state_->ready.pop_front();
  state_->changed.notify_all();
  return step;
}

}  // namespace longspan
