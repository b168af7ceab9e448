#include "longspan/config/leaves.h"

#include <catch2/catch_test_macros.hpp>

#include "longspan/core/error.h"

namespace longspan::config {
namespace {

TEST_CASE("leaves are the values by their paths, lists whole") {
  const std::vector<Leaf> expected{
      {"name", "a"}, {"m.d", "8"}, {"m.in.x", "[1, 2]"}, {"t", "\"a: b\""}, {"l", "[{k: 1}]"}};
  CHECK(leaves("name: a\nm:\n  d: 8\n  in: {x: [1, 2]}\n  none: {}\nt: \"a: b\"\nl: [{k: 1}]\n",
               "saved") == expected);
  CHECK_THROWS_AS(leaves("7\n", "saved"), Error);
}

}  // namespace
}  // namespace longspan::config
