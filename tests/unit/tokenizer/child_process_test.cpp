#include "tokenizer/child_process.h"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <string>

#include "longspan/core/error.h"
#include "unit/tokenizer/caught.h"

namespace longspan {

TEST_CASE("child process: its text comes back, and the waiting is told of") {
  const std::string parent = std::to_string(::getpid());
  int calls = 0;
  const std::string child = in_child_process(
      [] {
        ::usleep(100'000);
        return std::to_string(::getpid());
      },
      [&] { ++calls; });
  CHECK_FALSE(child.empty());
  CHECK(child != parent);
  CHECK(calls > 0);
  CHECK(in_child_process([] { return std::string("at once"); }) == "at once");
}

TEST_CASE("child process: what it throws is an error in its words, watched or not") {
  for (const auto& watch : {std::function<void()>(), std::function<void()>([] {})}) {
    const auto error = testing::caught([&] {
      in_child_process([]() -> std::string { throw Error(ErrorKind::Config, "no such thing"); },
                       watch);
    });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text == "no such thing");
  }
}

}  // namespace longspan
