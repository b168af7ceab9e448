#include "longspan/core/error.h"

#include <catch2/catch_test_macros.hpp>
#include <source_location>
#include <string>

#include "unit/core/error_of.h"

namespace longspan {
namespace {

using testing::error_of;

TEST_CASE("an error keeps its kind and its text") {
  const Error error(ErrorKind::Data, "shard 3 must hold 5 tokens, got 4");
  CHECK(error.kind() == ErrorKind::Data);
  CHECK(error.what() == std::string("shard 3 must hold 5 tokens, got 4"));
}

TEST_CASE("an internal error names its place in the source") {
  const Error error(ErrorKind::Internal, "lost");
  const std::string text = error.what();
  CHECK(text.starts_with("lost (internal error at core/error_test.cpp:"));
  CHECK(text.find(concat(":", __LINE__ - 3, ")")) != std::string::npos);
}

TEST_CASE("a place in the source begins at the root, wherever that lies") {
  const std::string file = std::source_location::current().file_name();
  CHECK(file == "tests/unit/core/error_test.cpp");
}

TEST_CASE("unreachable blames its caller") {
  const Error error = error_of([] { unreachable(); });
  CHECK(error.kind() == ErrorKind::Internal);
  CHECK(std::string(error.what()).find(concat("core/error_test.cpp:", __LINE__ - 2)) !=
        std::string::npos);
}

TEST_CASE("check throws only when the condition is false") {
  CHECK_NOTHROW(check(true, ErrorKind::Config, "never"));
  const Error error =
      error_of([] { check(false, ErrorKind::Numeric, "step ", 7, ": loss ", 0.5); });
  CHECK(error.kind() == ErrorKind::Numeric);
  CHECK(error.what() == std::string("step 7: loss 0.5"));
}

TEST_CASE("concat joins what streams") {
  CHECK(concat("a", 1, 'b', std::string("c"), std::string_view("d")) == "a1bcd");
}

}  // namespace
}  // namespace longspan
