#include "data/ordered_work.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <vector>

namespace longspan {
namespace {

/// Numbers from 0 on, as jobs.
struct Count {
  int end;
  int next = 0;
  std::optional<int> operator()() { return next < end ? std::optional(next++) : std::nullopt; }
};

// Returns what a work of many threads gives, which must not depend on which job takes longest.
std::vector<int> squares(int num_threads, int count) {
  std::vector<int> taken;
  Count jobs{count};
  OrderedWork<int> work(num_threads);
  work.run([&] { return jobs(); },
           [] {
             return [](int job) {
               std::this_thread::sleep_for(std::chrono::microseconds(job % 7 * 100));
               return job * job;
             };
           },
           [&](int square) { taken.push_back(square); });
  return taken;
}

TEST_CASE("ordered work: what comes of the jobs is taken in their order") {
  std::vector<int> expected;
  for (int job = 0; job < 200; ++job) expected.push_back(job * job);
  for (const int threads : {1, 2, 5, 16}) CHECK(squares(threads, 200) == expected);
  CHECK(squares(4, 0).empty());
}

TEST_CASE("ordered work: no thread runs far ahead of what is taken") {
  Count jobs{300};
  std::atomic<int> taken = 0, farthest = 0;
  OrderedWork<int> work(3);
  work.run(
      [&] {
        farthest = std::max(farthest.load(), jobs.next - taken);
        return jobs();
      },
      [] { return [](int job) { return job; }; },
      [&](int job) {
        if (job == 10) std::this_thread::sleep_for(std::chrono::milliseconds(50));
        ++taken;
      });
  CHECK(taken == 300);
  CHECK(farthest <= 12);
}

std::string failure(int num_threads, int failing_job, int failing_result, int failing_read) {
  Count jobs{100};
  const auto fail = [](bool failing, const char* what) {
    if (failing) throw std::runtime_error(what);
  };
  std::vector<int> taken;
  OrderedWork<int> work(num_threads);
  try {
    work.run(
        [&] {
          fail(jobs.next == failing_read, "read");
          return jobs();
        },
        [&] {
          return [&](int job) {
            if (job != failing_job) std::this_thread::sleep_for(std::chrono::microseconds(200));
            fail(job == failing_job, "job");
            return job;
          };
        },
        [&](int job) {
          fail(job == failing_result, "result");
          taken.push_back(job);
        });
  } catch (const std::runtime_error& error) {
    return error.what() + std::to_string(taken.size());
  }
  return "none";
}

TEST_CASE("ordered work: the first failure in the order of the jobs ends it, after all before") {
  for (const int threads : {1, 2, 5}) {
    CHECK(failure(threads, 20, 30, 40) == "job20");
    CHECK(failure(threads, 30, 20, 40) == "result20");
    CHECK(failure(threads, 40, 30, 20) == "read20");
    CHECK(failure(threads, 0, 200, 200) == "job0");
    CHECK(failure(threads, 200, 200, 200) == "none");
  }
}

}  // namespace
}  // namespace longspan
