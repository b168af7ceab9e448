#include "device/memory_pool.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "longspan/core/random.h"
#include "longspan/device/memory_meter.h"
#include "longspan/device/tensor_memory.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Taken {
  std::uint64_t* data = nullptr;
  std::size_t count = 0;
  std::uint64_t mark = 0;
};

Taken take(MemoryPool& pool, std::size_t bytes, std::uint64_t mark) {
  Taken taken{static_cast<std::uint64_t*>(pool.take(bytes)), bytes / sizeof(std::uint64_t), mark};
  REQUIRE(taken.data != nullptr);
  REQUIRE(reinterpret_cast<std::uintptr_t>(taken.data) % 64 == 0);
  std::fill_n(taken.data, taken.count, mark);
  return taken;
}

bool is_as_written(const Taken& taken) {
  return std::all_of(taken.data, taken.data + taken.count,
                     [&](std::uint64_t value) { return value == taken.mark; });
}

TEST_CASE("a pool gives a block of the same size again, and one that is little larger") {
  MemoryPool pool;
  void* const first = pool.take(8 * kMiB);
  const std::size_t held = pool.bytes_held();
  REQUIRE(pool.give_back(first));
  CHECK(pool.bytes_held() == held);
  const auto place = [](void* data) {
    return reinterpret_cast<std::uintptr_t>(data) / (kMiB / 16);
  };
  void* const second = pool.take(8 * kMiB - kMiB / 4);
  CHECK(place(second) == place(first));
  CHECK(pool.bytes_held() == held);
  REQUIRE(pool.give_back(second));
}

TEST_CASE("a pool knows what is not its own, or given back already") {
  MemoryPool pool;
  int other = 0;
  CHECK_FALSE(pool.give_back(&other));
  void* const data = pool.take(kMiB);
  CHECK(pool.give_back(data));
  CHECK_FALSE(pool.give_back(data));
}

TEST_CASE("a pool that the system has no memory for gives nothing, and goes on") {
  MemoryPool pool;
  CHECK(pool.take(std::size_t{1} << 60) == nullptr);
  CHECK(pool.take(~std::size_t{0}) == nullptr);
  void* const data = pool.take(kMiB);
  CHECK(data != nullptr);
  CHECK(pool.give_back(data));
}

// Sizes that seldom come twice, as those of an adaptive vocabulary: blocks are split, and made of
// the pages of several.
TEST_CASE("a pool never holds more than was in use at once, and blocks keep what is written") {
  MemoryPool pool;
  RandomStream random(1, RandomPurpose::Benchmark, 0);
  std::vector<Taken> taken;
  for (std::uint64_t round = 0; round < 3000; ++round) {
    const bool gives = taken.size() > 24 || (!taken.empty() && random.uniform() < 0.5);
    if (gives) {
      const auto at =
          static_cast<std::size_t>(random.uniform() * static_cast<double>(taken.size()));
      std::swap(taken[at], taken.back());
      REQUIRE(is_as_written(taken.back()));
      REQUIRE(pool.give_back(taken.back().data));
      taken.pop_back();
    } else {
      const double size = kMiB * (0.1 + 4.0 * random.uniform() * random.uniform());
      taken.push_back(take(pool, static_cast<std::size_t>(size), round));
    }
    REQUIRE(pool.bytes_held() <= pool.most_in_use());
  }
  for (const Taken& each : taken) {
    CHECK(is_as_written(each));
    CHECK(pool.give_back(each.data));
  }
}

TEST_CASE("a block of one size gets the pages of blocks of others") {
  MemoryPool pool;
  std::vector<Taken> small;
  for (std::uint64_t i = 0; i < 8; ++i) small.push_back(take(pool, 3 * kMiB, i));
  for (const Taken& each : small) REQUIRE(pool.give_back(each.data));
  const std::size_t held = pool.bytes_held();
  const Taken large = take(pool, 20 * kMiB, 9);
  CHECK(pool.bytes_held() <= held);
  const Taken rest = take(pool, 2 * kMiB, 10);
  CHECK(pool.bytes_held() <= held);
  CHECK(is_as_written(large));
  CHECK(is_as_written(rest));
  CHECK(pool.give_back(large.data));
  CHECK(pool.give_back(rest.data));
}

TEST_CASE("tensors of the pool and of the heap are counted, and hold what is written") {
  pool_tensor_memory();
  constexpr std::int64_t kSmall = 1000, kLarge = 1'000'000;
  const std::int64_t peak = peak_tensor_bytes([] {
    for (int round = 0; round < 3; ++round) {
      const at::Tensor small = at::arange(kSmall, at::kFloat),
                       large = at::arange(kLarge, at::kFloat);
      CHECK(small[kSmall - 1].item<float>() == kSmall - 1);
      CHECK(large[kLarge - 1].item<float>() == kLarge - 1);
    }
  });
  CHECK(peak >= 4 * (kSmall + kLarge));
  CHECK(peak < 4 * (kSmall + kLarge) + 4096);
}

}  // namespace
}  // namespace longspan
