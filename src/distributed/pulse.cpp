// Each rank has a counter in the store, which it raises every second. A counter that stands still
// between two looks is that of a rank that is gone.
//
// A call on the store never returns when the process that keeps the store hangs. So one thread, the
// pulse's own, makes all calls, and others wait for their answers for kPatience at most. That time
// runs from when the thread's present call began, not from when the answer was asked for: a beat
// that has hung for so long already has shown that the store does not answer.

#include "distributed/pulse.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "distributed/store.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;
using Request = std::function<void(c10d::Store&)>;

constexpr std::chrono::milliseconds kPeriod{1000};
constexpr std::chrono::milliseconds kPulseLook{2500};  // more than two beats
constexpr std::chrono::milliseconds kPatience{5000};   // for an answer of the store
constexpr std::chrono::milliseconds kPause{50};        // between looks for who has left
constexpr std::chrono::milliseconds kMoment{300};      // for a rank that fails to say why

std::string pulse_key(int rank) { return concat("pulse/", rank); }
std::string left_key(int rank) { return concat("left/", rank); }

}  // namespace

struct Pulse::State {
  Placement placement;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Request> requests;
  std::optional<Clock::time_point> call_began;  // of the call on the store that is under way
  bool stopping = false;
  bool ended = false;  // the thread; when it was not told to, because the store is gone

  std::vector<Request> wait_for_work() {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kPeriod, [this] { return stopping || !requests.empty(); });
    return std::exchange(requests, {});
  }

  bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  template <class Call>
  void call_store(Call call) {
    const auto note = [this](std::optional<Clock::time_point> time) {
      const std::lock_guard lock(mutex);
      call_began = time;
      changed.notify_all();
    };
    note(Clock::now());
    call();
    note(std::nullopt);
  }

  void beat() {
    Store store;
    call_store([&] { store = connect_store(placement, kPatience, false); });
    while (!is_stopping()) {
      call_store([&] { store->add(pulse_key(placement.rank), 1); });
      for (const auto& request : wait_for_work()) call_store([&] { request(*store); });
    }
    call_store([&] { store->set(left_key(placement.rank), bytes_of("left")); });
  }

  void run() {
    try {
      beat();
    } catch (const std::exception&) {
      // The store is gone, and with it all answers.
    }
    const std::lock_guard lock(mutex);
    ended = true;
    changed.notify_all();
  }

  // Waits until the condition holds, but no longer than the thread lives and than kPatience from
  // the beginning of its present call on the store. Returns whether the condition holds.
  template <class Condition>
  bool wait_until(std::unique_lock<std::mutex>& lock, Condition holds) {
    while (!holds() && !ended) {
      const auto deadline = call_began.value_or(Clock::now()) + kPatience;
      if (Clock::now() >= deadline) return false;
      changed.wait_until(lock, deadline);
    }
    return holds();
  }
};

namespace {

// Has the pulse's thread put a question to the store, and returns the answer; nothing when the
// store gives none.
template <class State, class Question>
auto ask(State& state, Question question)
    -> std::optional<decltype(question(std::declval<c10d::Store&>()))> {
  using Answer = decltype(question(std::declval<c10d::Store&>()));
  // Shared, because the thread may put the question after this function has given up and returned.
  auto answer = std::make_shared<std::optional<Answer>>();
  std::unique_lock lock(state.mutex);
  state.requests.push_back([&state, answer, question](c10d::Store& store) {
    Answer found = question(store);
    const std::lock_guard answer_lock(state.mutex);
    *answer = std::move(found);
  });
  state.changed.notify_all();
  state.wait_until(lock, [&] { return answer->has_value(); });
  return *answer;
}

std::string names_of(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  return text;
}

std::string lost_store(const Placement& placement) {
  return concat("the store at ", placement.address, ":", placement.port,
                placement.launcher_keeps_store ? ", kept by the launcher," : ", kept by rank 0,",
                " does not answer");
}

using Beats = std::vector<std::int64_t>;  // of every rank so far

Beats beats_of(c10d::Store& store, int world_size) {
  Beats beats;
  for (int rank = 0; rank < world_size; ++rank) beats.push_back(store.add(pulse_key(rank), 0));
  return beats;
}

std::vector<int> silent_between(const Beats& before, const Beats& after) {
  std::vector<int> ranks;
  for (std::size_t rank = 0; rank < before.size(); ++rank)
    if (before[rank] == after[rank]) ranks.push_back(static_cast<int>(rank));
  return ranks;
}

}  // namespace

Pulse::Pulse(const Placement& placement) : state_(std::make_shared<State>()) {
  state_->placement = placement;
  std::thread([state = state_] { state->run(); }).detach();
}

Pulse::~Pulse() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  // A thread that hangs in a call on the store is left behind: it ends with the process.
  state_->wait_until(lock, [this] { return state_->ended; });
}

void Pulse::report_failure(const std::string& reason) noexcept {
  try {
    ask(*state_,
        [text = concat("rank ", state_->placement.rank, ": ", reason)](c10d::Store& store) {
          longspan::report_failure(store, text);
          return true;
        });
  } catch (const std::exception&) {
  }
}

void Pulse::wait_for_others(std::chrono::milliseconds limit) noexcept {
  try {
    const auto none_is_there = [placement = state_->placement](c10d::Store& store) {
      for (int rank = 0; rank < placement.world_size; ++rank)
        if (rank != placement.rank && !store.check({left_key(rank)}) && !is_silent(store, rank))
          return false;
      return true;
    };
    const auto deadline = Clock::now() + limit;
    while (!ask(*state_, none_is_there).value_or(true) && Clock::now() < deadline)
      std::this_thread::sleep_for(kPause);
  } catch (const std::exception&) {
  }
}

std::string Pulse::find_culprit() noexcept {
  try {
    const auto beats = [size = state_->placement.world_size](c10d::Store& store) {
      return beats_of(store, size);
    };
    const std::string lost = lost_store(state_->placement);
    std::this_thread::sleep_for(kMoment);
    auto report = ask(*state_, reported_failure);
    if (!report) return lost;
    if (!report->empty()) return *report;
    const auto before = ask(*state_, beats);
    if (!before) return lost;
    std::this_thread::sleep_for(kPulseLook);
    report = ask(*state_, reported_failure);
    if (report && !report->empty()) return *report;
    const auto after = ask(*state_, beats);
    if (!after) return lost;
    const std::vector<int> silent = silent_between(*before, *after);
    if (silent.empty()) return "every rank still answers the store";
    const std::string found = names_of(silent) + " gave no sign of life";
    ask(*state_, [found, silent](c10d::Store& store) {
      for (const int rank : silent) report_silent(store, rank);
      longspan::report_failure(store, found);
      return true;
    });
    return found;
  } catch (const std::exception&) {
    return "who is to blame could not be found out";
  }
}

}  // namespace longspan
