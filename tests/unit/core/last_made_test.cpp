#include "longspan/core/last_made.h"

#include <catch2/catch_test_macros.hpp>
#include <stdexcept>
#include <string>

namespace longspan {
namespace {

TEST_CASE("what was made last is kept, and made anew for another key alone") {
  LastMade<int, std::string> kept;
  int count = 0;
  const auto get = [&](int key) {
    return kept.get(key, [&] {
      ++count;
      return std::to_string(key);
    });
  };
  CHECK(get(1) == "1");
  CHECK(get(1) == "1");
  CHECK(count == 1);
  CHECK(get(2) == "2");
  CHECK(get(1) == "1");
  CHECK(count == 3);
}

TEST_CASE("a making that fails leaves nothing that is wrong behind") {
  LastMade<int, int> kept;
  CHECK(kept.get(1, [] { return 10; }) == 10);
  CHECK_THROWS(kept.get(2, []() -> int { throw std::runtime_error("no memory"); }));
  CHECK(kept.get(2, [] { return 20; }) == 20);
}

}  // namespace
}  // namespace longspan
