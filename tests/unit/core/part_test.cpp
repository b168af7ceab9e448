#include "longspan/core/part.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

namespace longspan {
namespace {

TEST_CASE("parts follow each other without a gap and differ by one in size at most") {
  for (const std::int64_t size : {0, 1, 5, 12, 1000003})
    for (const std::int64_t count : {1, 2, 3, 7, 12, 64}) {
      std::int64_t next = 0, shortest = size, longest = 0;
      for (std::int64_t index = 0; index < count; ++index) {
        const Part part = part_of(size, index, count);
        REQUIRE(part.begin == next);
        next = part.end;
        shortest = std::min(shortest, part.size());
        longest = std::max(longest, part.size());
      }
      CAPTURE(size, count);
      CHECK(next == size);
      CHECK(longest - shortest <= 1);
    }
}

TEST_CASE("parts by hand") {
  CHECK(part_of(11, 0, 3).end == 3);
  CHECK(part_of(11, 1, 3).end == 7);
  CHECK(part_of(2, 0, 3).size() == 0);
  CHECK(part_of(2, 2, 3).begin == 1);
}

}  // namespace
}  // namespace longspan
