// Ranks on threads of one process, over loopback.

#include "longspan/distributed/communicator.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <sched.h>

#include <filesystem>
#include <new>

#include "distributed/store.h"
#include "longspan/core/error.h"
#include "support/ranks.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::run_ranks;

// Joins as each rank with what that rank has to say; returns what each rank's error said.
std::vector<std::string> errors_of_joining(const std::vector<std::vector<Agreement>>& agreements,
                                           double timeout_seconds = 20.0) {
  const int port = testing::free_port(), size = static_cast<int>(agreements.size());
  std::vector<std::string> errors(agreements.size());
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      const auto index = static_cast<std::size_t>(rank);
      try {
        join(testing::local_placement(rank, size, port), testing::quick_timeouts(timeout_seconds),
             agreements[index])
            ->leave();
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::Distributed) errors[index] = error.what();
      }
    });
  for (auto& thread : threads) thread.join();
  return errors;
}

// Threads of this process that must not interrupt others.
int patient_threads() {
  int count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
    count += ::sched_getscheduler(std::stoi(thread.path().filename().string())) == SCHED_BATCH;
  return count;
}

TEST_CASE("Gloo's threads that read interrupt nobody, the others are as before", "[group]") {
  const int before = patient_threads();
  run_ranks(2, [before](Communicator& communicator) {
    communicator.all_reduce(at::full({1}, 1.0));  // both have their threads
    if (patient_threads() != before + 2) throw std::runtime_error("threads that read");
    if (::sched_getscheduler(0) != SCHED_OTHER) throw std::runtime_error("a rank's own thread");
    communicator.all_reduce(at::full({1}, 1.0));
  });
  SUCCEED();
}

TEST_CASE("collectives do what they say", "[group]") {
  for (const int size : {1, 2, 3}) {
    run_ranks(size, [size](Communicator& communicator) {
      const int rank = communicator.rank();
      at::Tensor sum = at::full({5}, rank + 1.0, at::kDouble);
      communicator.all_reduce(sum);
      const double expected = size * (size + 1) / 2.0;
      if (!sum.eq(expected).all().item<bool>()) throw std::runtime_error("all-reduce");
      at::Tensor value = at::full({3}, rank, at::kLong);
      communicator.broadcast(value, size - 1);
      if (!value.eq(size - 1).all().item<bool>()) throw std::runtime_error("broadcast");
      const auto all = communicator.all_gather(at::full({2}, rank, at::kFloat));
      for (int i = 0; i < size; ++i)
        if (!all[static_cast<std::size_t>(i)].eq(i).all().item<bool>())
          throw std::runtime_error("all-gather");
      if (communicator.broadcast_text(concat("from ", rank)) != "from 0")
        throw std::runtime_error("broadcast_text");
      const auto texts =
          communicator.all_gather_texts(std::string(static_cast<std::size_t>(rank), 'x'));
      if (texts.back() != std::string(static_cast<std::size_t>(size - 1), 'x'))
        throw std::runtime_error("all_gather_texts");
    });
  }
  SUCCEED();
}

TEST_CASE("ranks that do not agree are named with what differs", "[group]") {
  const auto errors = errors_of_joining(
      {{{"config", "a: 1\nb: 2\n"}}, {{"config", "a: 1\nb: 2\n"}}, {{"config", "a: 1\nb: 3\n"}}});
  for (const auto& error : errors) {
    CHECK_THAT(error, ContainsSubstring("rank 2 must have the same config as rank 0"));
    CHECK_THAT(error, ContainsSubstring("it has b: 3 where rank 0 has b: 2"));
  }
}

TEST_CASE("ranks that never come are named within the timeout", "[group]") {
  const int port = testing::free_port();
  const auto start = std::chrono::steady_clock::now();
  try {
    join(testing::local_placement(0, 3, port), testing::quick_timeouts(1.0), {});
    FAIL("a group without ranks 1 and 2");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Distributed);
    CHECK_THAT(error.what(), ContainsSubstring("missing are: 1, 2"));
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("a port that is taken and an address where nobody listens are named", "[group]") {
  const int descriptor = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  socklen_t size = sizeof address;
  REQUIRE(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(descriptor, 1) == 0);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  const int taken = ntohs(address.sin6_port);
  CHECK_THROWS_WITH(join(testing::local_placement(0, 2, taken), testing::quick_timeouts(2.0), {}),
                    ContainsSubstring(concat("rank 0 must be able to listen at port ", taken)));
  // It takes the connection and never answers.
  CHECK_THROWS_WITH(
      join(testing::local_placement(1, 2, taken), testing::quick_timeouts(1.0), {}),
      ContainsSubstring("rank 1 must reach 127.0.0.1:") && ContainsSubstring("no store answered"));
  ::close(descriptor);
  CHECK_THROWS_WITH(
      join(testing::local_placement(1, 2, testing::free_port()), testing::quick_timeouts(2.0), {}),
      ContainsSubstring("rank 1 must reach 127.0.0.1:"));
}

// A launcher's store outlives an attempt; here the second one has fewer ranks, and a rank of the
// first has left its name without ever being answered.
TEST_CASE("ranks that are started again do not meet what the attempt before left", "[group]") {
  Placement keeper = testing::local_placement(0, 3, testing::free_port());
  keeper.launcher_keeps_store = true;
  keeper.attempt.clear();
  const Store store = connect_store(keeper, std::chrono::seconds(5), true);
  store->set("hello/1", bytes_of("a process that is gone"));
  const auto attempt = [&](int size, const std::string& config) {
    std::vector<std::string> ends(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank)
      threads.emplace_back([&, rank] {
        Placement placement = keeper;
        placement.rank = placement.local_rank = rank;
        placement.world_size = placement.local_world_size = size;
        // The last rank is late, so that rank 0 looks first.
        if (rank == size - 1) std::this_thread::sleep_for(std::chrono::milliseconds(300));
        try {
          join(placement, testing::quick_timeouts(), {{"config", concat(config, "\n")}})->leave();
          ends[static_cast<std::size_t>(rank)] = "left";
        } catch (const std::exception& error) {
          ends[static_cast<std::size_t>(rank)] = error.what();
        }
      });
    for (auto& thread : threads) thread.join();
    return ends;
  };
  CHECK(attempt(3, "first") == std::vector<std::string>(3, "left"));
  CHECK(attempt(2, "second") == std::vector<std::string>(2, "left"));
}

TEST_CASE("the others learn who left and why", "[group]") {
  for (const bool says_so : {true, false}) {
    const int port = testing::free_port();
    std::string heard;
    std::thread leaver([&] {
      const auto communicator =
          join(testing::local_placement(1, 2, port), testing::quick_timeouts(), {});
      if (says_so) communicator->report_failure("the disk is full");
    });
    try {
      const auto communicator =
          join(testing::local_placement(0, 2, port), testing::quick_timeouts(), {});
      leaver.join();
      communicator->all_reduce(at::full({1}, 1.0));
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Distributed);
      heard = error.what();
    }
    CHECK_THAT(heard, ContainsSubstring(says_so ? "rank 1: the disk is full"
                                                : "rank 1 gave no sign of life"));
  }
}

// Its store ends with it. 4 s is how long it would wait for a rank that does not ask.
TEST_CASE("rank 0 stays until the others know why it ends, and no longer", "[group]") {
  const int port = testing::free_port();
  std::string heard;
  std::thread other([&] {
    try {
      join(testing::local_placement(1, 2, port), testing::quick_timeouts(), {})
          ->all_reduce(at::full({1}, 1.0));
    } catch (const Error& error) {
      heard = error.what();
    }
  });
  auto communicator = join(testing::local_placement(0, 2, port), testing::quick_timeouts(), {});
  communicator->report_failure("the disk is full");
  const auto start = std::chrono::steady_clock::now();
  communicator.reset();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(3));
  other.join();
  CHECK_THAT(heard, ContainsSubstring("rank 0: the disk is full"));
}

TEST_CASE("memory that runs out in a call on the group is no peer's fault", "[group]") {
  CHECK_THROWS_AS(
      run_ranks(2,
                [](Communicator& communicator) {
                  communicator.start_all_reduce(at::full({1}, 1.0), [] { throw std::bad_alloc(); })
                      ->wait();
                }),
      std::bad_alloc);
}

TEST_CASE("a tensor that differs is named with the rank", "[group]") {
  std::string message;
  try {
    run_ranks(3, [](Communicator& communicator) {
      at::Tensor same = at::arange(100, at::kFloat), other = at::arange(100, at::kFloat);
      check_equal(communicator, {"same", "other"}, {same, other});
      if (communicator.rank() == 1) other.mutable_data_ptr<float>()[7] = -0.0F + 7.0000005F;
      check_equal(communicator, {"same", "other"}, {same, other});
    });
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK_THAT(message,
             ContainsSubstring("other must be equal on all ranks, it differs between rank 1"));
}

}  // namespace
}  // namespace longspan
