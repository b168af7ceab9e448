// What the emulator computes, and that it catches what a GPU would not.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <numeric>
#include <vector>

#include "emulator/thread.h"

namespace longspan::emulator {
namespace {

constexpr int kThreads = 64;

std::string fault_of(const Grid& grid, GlobalMemory& memory,
                     const std::function<void(Thread&)>& kernel) {
  try {
    launch(grid, memory, 1, kernel);
  } catch (const Fault& fault) {
    return fault.text;
  }
  return "";
}

std::string fault_of(const std::function<void(Thread&)>& kernel) {
  GlobalMemory memory;
  return fault_of({{1, 1, 1}, kThreads, 1024}, memory, kernel);
}

TEST_CASE("a block's threads see each other's shared memory after a barrier") {
  std::vector<int> out(kThreads, -1);
  GlobalMemory memory;
  memory.add_output(out.data(), out.size() * sizeof(int));
  launch({{1, 1, 1}, kThreads, kThreads * 4}, memory, GENERATE(1u, 2u, 3u), [&](Thread& thread) {
    thread.store_shared(thread.index() * 4, thread.index());
    thread.synchronize();
    const int other = kThreads - 1 - thread.index();
    thread.store(&out[std::size_t(thread.index())], thread.load_shared<int>(other * 4));
  });
  for (int i = 0; i < kThreads; ++i) CHECK(out[std::size_t(i)] == kThreads - 1 - i);
}

TEST_CASE("products have the layout of mma.m16n8k16") {
  float a[16][16], b[16][8], found[16][8];
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k) a[i][k] = float((i * 7 + k * 3) % 11 - 5);
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < 8; ++j) b[k][j] = float((k * 5 + j) % 7 - 3);
  GlobalMemory memory;
  const auto counts = launch({{1, 1, 1}, 32, 0}, memory, 1, [&](Thread& thread) {
    const int g = thread.index() / 4, c = thread.index() % 4 * 2;
    const auto pair = [&](float low, float high) { return thread.pack<gpu::Float16>(low, high); };
    const std::uint32_t left[4] = {pair(a[g][c], a[g][c + 1]), pair(a[g + 8][c], a[g + 8][c + 1]),
                                   pair(a[g][c + 8], a[g][c + 9]),
                                   pair(a[g + 8][c + 8], a[g + 8][c + 9])};
    float sums[4] = {1, 1, 1, 1};
    thread.multiply<gpu::Float16>(sums, left, pair(b[c][g], b[c + 1][g]),
                                  pair(b[c + 8][g], b[c + 9][g]));
    for (int e = 0; e < 4; ++e) found[g + e / 2 * 8][c + e % 2] = sums[e];
  });
  CHECK(counts.products == 1);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      float expected = 1;
      for (int k = 0; k < 16; ++k) expected += a[i][k] * b[k][j];
      CHECK(found[i][j] == expected);
    }
}

TEST_CASE("matrices are loaded as they lie, or transposed") {
  const bool transposed = GENERATE(false, true);
  GlobalMemory memory;
  launch({{1, 1, 1}, 32, 512}, memory, 1, [&](Thread& thread) {
    for (int i = thread.index(); i < 256; i += 32)
      thread.store_shared(2 * i, static_cast<std::uint16_t>(i));
    thread.synchronize();
    std::uint32_t out[4];
    if (transposed)
      thread.load_matrices<true>(out, thread.index() * 16);
    else
      thread.load_matrices<false>(out, thread.index() * 16);
    const int row = thread.index() / 4, column = thread.index() % 4 * 2;
    for (int matrix = 0; matrix < 4; ++matrix)
      for (int e = 0; e < 2; ++e) {
        const int expected =
            64 * matrix + (transposed ? (column + e) * 8 + row : row * 8 + column + e);
        CHECK(int(out[matrix] >> (16 * e) & 0xffffu) == expected);
      }
  });
}

TEST_CASE("a ballot gives each thread the conditions of its own warp") {
  std::vector<std::uint32_t> votes(kThreads);
  GlobalMemory memory;
  memory.add_output(votes.data(), votes.size() * sizeof(std::uint32_t));
  launch({{1, 1, 1}, kThreads, 0}, memory, GENERATE(1u, 2u, 3u), [&](Thread& thread) {
    const bool condition = thread.index() % 3 == 0;
    thread.store(&votes[std::size_t(thread.index())], thread.ballot(condition));
  });
  for (int i = 0; i < kThreads; ++i)
    for (int lane = 0; lane < 32; ++lane)
      CHECK((votes[std::size_t(i)] >> lane & 1u) == ((i / 32 * 32 + lane) % 3 == 0 ? 1u : 0u));
}

TEST_CASE("bank conflicts are counted") {
  GlobalMemory memory;
  const auto wavefronts = [&](int stride) {
    return launch({{1, 1, 1}, 32, 32 * 4 * 32}, memory, 1,
                  [&](Thread& thread) {
                    thread.store_shared(thread.index() * stride * 4, thread.index());
                  })
        .shared_wavefronts;
  };
  CHECK(wavefronts(1) == 1);
  CHECK(wavefronts(2) == 2);
  CHECK(wavefronts(32) == 32);
  CHECK(wavefronts(31) == 1);
}

TEST_CASE("a missing barrier is caught whatever the order of threads") {
  CHECK(fault_of([](Thread& thread) {
          thread.store_shared(thread.index() * 4, 1);
          thread.load_shared<int>((kThreads - 1 - thread.index()) * 4);
        }).find("no barrier between thread") != std::string::npos);
  CHECK(fault_of([](Thread& thread) {
          thread.load_shared<int>(0);
          if (thread.index() == 40) thread.store_shared(0, 1);
        }).find("no barrier between thread") != std::string::npos);
}

TEST_CASE("a warp's barrier orders its own threads and no others") {
  const auto exchange = [](int distance) {
    return [distance](Thread& thread) {
      thread.store_shared(thread.index() * 4, 1);
      thread.synchronize_warp();
      thread.load_shared<int>((thread.index() + distance) % kThreads * 4);
    };
  };
  CHECK(fault_of([](Thread& thread) {
          thread.store_shared(thread.index() * 4, 1);
          thread.synchronize_warp();
          thread.load_shared<int>((thread.index() ^ 1) * 4);
        }) == "");
  CHECK(fault_of(exchange(32)).find("no barrier") != std::string::npos);
}

TEST_CASE("what a GPU would not bear is a fault") {
  CHECK(fault_of([](Thread& thread) { thread.store_shared(1024, thread.index()); }) ==
        "an access to bytes 1024 to 1028 of 1024 of shared memory");
  CHECK(fault_of([](Thread& thread) {
          if (thread.index() != 3) thread.synchronize();
        }) == "63 of 64 threads wait at a barrier that the others do not reach");
  CHECK(fault_of([](Thread& thread) {
          if (thread.index() == 3)
            thread.ballot(true);
          else
            thread.shuffle_xor(1.0f, 1);
        }).find("of a warp meet in different operations") != std::string::npos);
  alignas(16) std::vector<int> numbers(64);
  GlobalMemory memory;
  memory.add_input(numbers.data(), 64 * sizeof(int));
  const Grid grid{{1, 1, 1}, kThreads, 1024};
  CHECK(fault_of(grid, memory, [&](Thread& thread) { thread.load(numbers.data() + 64); }) ==
        "a thread reads 4 bytes outside all tensors");
  CHECK(fault_of(grid, memory, [&](Thread& thread) {
          thread.store(numbers.data(), 1);
        }).find("writes into an input") != std::string::npos);
  CHECK(fault_of(grid, memory, [&](Thread& thread) {
          thread.copy_async(thread.index() * 16, numbers.data(), true);
          thread.commit_copies();
        }).find("never waited for its copies") != std::string::npos);
}

TEST_CASE("copies arrive at the wait, not before, and zeros where they are out of bounds") {
  alignas(16) static int numbers[4] = {1, 2, 3, 4};
  GlobalMemory memory;
  memory.add_input(numbers, sizeof numbers);
  launch({{1, 1, 1}, 32, 1024}, memory, 1, [&](Thread& thread) {
    const int at = thread.index() * 16;
    thread.copy_async(at, numbers, thread.index() % 2 == 0);
    thread.commit_copies();
    CHECK(thread.load_shared<int>(at) == -1);
    thread.wait_copies<0>();
    CHECK(thread.load_shared<int>(at) == (thread.index() % 2 == 0 ? 1 : 0));
  });
}

TEST_CASE("two threads that write one element of an output are caught") {
  std::vector<int> out(1);
  GlobalMemory memory;
  memory.add_output(out.data(), sizeof(int));
  CHECK(fault_of({{2, 1, 1}, 32, 0}, memory, [&](Thread& thread) {
          if (thread.index() == 0) thread.store(out.data(), 1);
        }).find("write the same element of an output") != std::string::npos);
}

}  // namespace
}  // namespace longspan::emulator
