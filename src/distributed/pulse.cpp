// A counter for each rank in the store goes up every second while the rank lives. Whoever wants to
// know looks twice. Calls on the store may block for good when its keeper hangs, so they are made
// on the pulse's own thread and waited for with a limit.

#include "distributed/pulse.h"

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "distributed/store.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::chrono::milliseconds kPeriod{1000};
constexpr std::chrono::milliseconds kLook{2500};      // more than two beats
constexpr std::chrono::milliseconds kPatience{5000};  // for an answer of the store

std::string pulse_key(int rank) { return concat("pulse/", rank); }

}  // namespace

struct Pulse::State {
  Placement placement;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::function<void(c10d::Store&)>> requests;
  bool stopping = false;
  std::promise<void> ended;

  std::vector<std::function<void(c10d::Store&)>> wait_for_work() {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kPeriod, [this] { return stopping || !requests.empty(); });
    return std::exchange(requests, {});
  }

  bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  void run() {
    try {
      const Store store = connect_store(placement, kPatience, false);
      while (!is_stopping()) {
        store->add(pulse_key(placement.rank), 1);
        for (const auto& request : wait_for_work()) request(*store);
      }
    } catch (const std::exception&) {
      // The store is gone; requests are answered by their time limit.
    }
    ended.set_value();
  }
};

namespace {

// Runs a question on the pulse's thread; nothing when the store does not answer in time.
template <class State, class Question>
auto ask(const std::shared_ptr<State>& state, Question question)
    -> std::optional<decltype(question(std::declval<c10d::Store&>()))> {
  using Answer = decltype(question(std::declval<c10d::Store&>()));
  auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  {
    const std::lock_guard lock(state->mutex);
    state->requests.push_back(
        [promise, question](c10d::Store& store) { promise->set_value(question(store)); });
  }
  state->changed.notify_all();
  if (answer.wait_for(kPatience) != std::future_status::ready) return std::nullopt;
  try {
    return answer.get();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string names_of(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  return text;
}

}  // namespace

Pulse::Pulse(const Placement& placement) : state_(std::make_shared<State>()) {
  state_->placement = placement;
  std::thread([state = state_] { state->run(); }).detach();
}

Pulse::~Pulse() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  // A thread that hangs in a call is left to the end of the process.
  state_->ended.get_future().wait_for(kPatience);
}

void Pulse::report_failure(const std::string& reason) noexcept {
  try {
    ask(state_, [text = concat("rank ", state_->placement.rank, ": ", reason)](c10d::Store& store) {
      longspan::report_failure(store, text);
      return true;
    });
  } catch (const std::exception&) {
  }
}

std::string Pulse::find_culprit() noexcept {
  try {
    const auto beats = [size = state_->placement.world_size](c10d::Store& store) {
      std::vector<std::int64_t> counts;
      for (int rank = 0; rank < size; ++rank) counts.push_back(store.add(pulse_key(rank), 0));
      return counts;
    };
    const std::string lost = concat(
        "the store at ", state_->placement.address, ":", state_->placement.port,
        state_->placement.launcher_keeps_store ? ", kept by the launcher," : ", kept by rank 0,",
        " does not answer");
    // A rank that fails by itself needs a moment to say so.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    auto report = ask(state_, reported_failure);
    if (!report) return lost;
    if (!report->empty()) return *report;
    const auto before = ask(state_, beats);
    std::this_thread::sleep_for(kLook);
    report = ask(state_, reported_failure);
    if (report && !report->empty()) return *report;
    const auto after = ask(state_, beats);
    if (!before || !after) return lost;
    std::vector<int> silent;
    for (int rank = 0; rank < state_->placement.world_size; ++rank)
      if ((*before)[static_cast<std::size_t>(rank)] == (*after)[static_cast<std::size_t>(rank)])
        silent.push_back(rank);
    if (silent.empty()) return "every rank still answers the store";
    const std::string found = names_of(silent) + " gave no sign of life";
    // By value: a request that is not answered in time may still run later.
    ask(state_, [found](c10d::Store& store) {
      longspan::report_failure(store, found);
      return true;
    });
    return found;
  } catch (const std::exception&) {
    return "who is to blame could not be found out";
  }
}

}  // namespace longspan
