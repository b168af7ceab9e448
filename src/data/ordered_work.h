#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace longspan {

/// Several threads that work on jobs; what comes of these is taken in their order, one at a time.
/// No more than a few jobs a thread are in memory. The first failure in the order of the jobs ends
/// all.
template <class Result>
class OrderedWork {
 public:
  explicit OrderedWork(int num_threads) : num_threads_(num_threads) {}

  /// @param next_job returns std::optional<Job>, called by one thread at a time
  /// @param make_worker returns a function from Job to Result, once for each thread
  /// @param take called with each Result, by one thread at a time
  template <class NextJob, class MakeWorker, class Take>
  void run(const NextJob& next_job, const MakeWorker& make_worker, const Take& take) {
    const auto serve = [&] {
      try {
        serve_all(next_job, make_worker, take);
      } catch (...) {
        fail(std::current_exception());
      }
    };
    std::vector<std::thread> threads;
    try {
      while (static_cast<int>(threads.size()) + 1 < num_threads_) threads.emplace_back(serve);
    } catch (const std::system_error&) {  // the system gives no more: those there are do the work
    }
    serve();
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  static constexpr int kJobsPerThread = 4;

  struct Outcome {
    std::optional<Result> result;
    std::exception_ptr failure;
  };

  template <class NextJob, class MakeWorker, class Take>
  void serve_all(const NextJob& next_job, const MakeWorker& make_worker, const Take& take) {
    std::optional<decltype(make_worker())> worker;
    for (;;) {
      std::unique_lock reading(reading_);
      if (!wait_for_room()) return;
      Outcome outcome;
      decltype(next_job()) job;
      try {
        job = next_job();
        if (!job) has_jobs_ = false;
      } catch (...) {
        outcome.failure = std::current_exception();
        has_jobs_ = false;
      }
      if (!job && !outcome.failure) return;
      const std::int64_t number = num_started_++;
      reading.unlock();
      if (job) outcome = work_on(*job, worker, make_worker);
      hand_over(number, std::move(outcome), take);
    }
  }

  void fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    room_.notify_all();
  }

  bool wait_for_room() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] {
      return failure_ || num_started_ < num_taken_ + kJobsPerThread * num_threads_;
    });
    return !failure_ && has_jobs_;
  }

  template <class Job, class Worker, class MakeWorker>
  static Outcome work_on(Job& job, Worker& worker, const MakeWorker& make_worker) {
    Outcome outcome;
    try {
      if (!worker) worker.emplace(make_worker());
      outcome.result.emplace((*worker)(job));
    } catch (...) {
      outcome.failure = std::current_exception();
    }
    return outcome;
  }

  // Whoever brings the outcome that is next takes it, and those that wait behind it.
  template <class Take>
  void hand_over(std::int64_t number, Outcome outcome, const Take& take) {
    std::unique_lock lock(mutex_);
    waiting_.emplace(number, std::move(outcome));
    if (taking_) return;
    taking_ = true;
    while (!failure_ && !waiting_.empty() && waiting_.begin()->first == num_taken_) {
      Outcome next = std::move(waiting_.extract(waiting_.begin()).mapped());
      lock.unlock();
      try {
        if (!next.failure) take(std::move(*next.result));
      } catch (...) {
        next.failure = std::current_exception();
      }
      lock.lock();
      failure_ = next.failure;
      ++num_taken_;
      room_.notify_all();
    }
    taking_ = false;
  }

  const int num_threads_;
  std::mutex reading_;
  bool has_jobs_ = true;  // under reading_
  std::int64_t num_started_ = 0;
  std::mutex mutex_;
  std::condition_variable room_;
  std::int64_t num_taken_ = 0;
  std::map<std::int64_t, Outcome> waiting_;
  bool taking_ = false;
  std::exception_ptr failure_;
};

/// Returns a number of threads: the asked one, for 0 one for each core.
int threads_to_use(int num_threads);

}  // namespace longspan
