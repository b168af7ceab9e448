// Lengths, modes and windows: what users may write, and that every target is scored exactly once.
#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/random.h"
#include "longspan/evaluate/protocol.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan {
namespace {

using Lengths = std::vector<std::int64_t>;

template <class Work>
void check_refused(const Work& work, const std::string& text) {
  try {
    work();
    FAIL("accepted, instead of " << text);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring(text));
  }
}

TEST_CASE("lengths are a list, a doubling or a step") {
  CHECK(parse_lengths("64") == Lengths{64});
  CHECK(parse_lengths("64,128,256") == Lengths{64, 128, 256});
  CHECK(parse_lengths("64:512") == Lengths{64, 128, 256, 512});
  CHECK(parse_lengths("64:500") == Lengths{64, 128, 256});
  CHECK(parse_lengths("64:256:64") == Lengths{64, 128, 192, 256});
  CHECK(parse_lengths("5:5") == Lengths{5});
  CHECK(parse_lengths("7,64:128,10:30:9") == Lengths{7, 64, 128, 10, 19, 28});
}

TEST_CASE("other lengths are refused with what was got") {
  for (const std::string text :
       {"", "a", "64,", "0", "-4", "64:", "128:64", "1:2:3:4", "1:2:0", "6 4", "1e3", "+5", "0x40",
        "99999999999999999999", "1:4000000000:1"}) {
    check_refused(
        [&] { parse_lengths(text); },
        "--lengths must be like 64,128,256 or 64:4096 (doubling) or 64:4096:64 (step), got " +
            text);
  }
}

TEST_CASE("modes are read back from their names") {
  CHECK(parse_mode("nonoverlapping").stride == 0);
  CHECK(parse_mode("stride:512").stride == 512);
  CHECK(EvaluationMode{}.name() == "nonoverlapping");
  CHECK(EvaluationMode{7}.name() == "stride:7");
  for (const std::string text : {"", "stride", "stride:", "stride:0", "stride:-1", "stride:x",
                                 "Nonoverlapping", "sliding:2"}) {
    check_refused([&] { parse_mode(text); },
                  "--mode must be nonoverlapping or stride:S with S >= 1, got " + text);
  }
}

bool operator_equal(const Window& a, const Window& b) {
  return a.context_begin == b.context_begin && a.score_begin == b.score_begin && a.end == b.end;
}

bool are(const std::vector<Window>& windows, const std::vector<Window>& expected) {
  return std::equal(windows.begin(), windows.end(), expected.begin(), expected.end(),
                    operator_equal);
}

TEST_CASE("non-overlapping windows are blocks, the short last one kept") {
  CHECK(are(make_windows(10, 4, {}), {{0, 0, 4}, {4, 4, 8}, {8, 8, 10}}));
  CHECK(are(make_windows(8, 4, {}), {{0, 0, 4}, {4, 4, 8}}));
  CHECK(are(make_windows(3, 9, {}), {{0, 0, 3}}));
  CHECK(make_windows(0, 9, {}).empty());
}

TEST_CASE("sliding windows see up to length - stride earlier tokens, the last one all of them") {
  CHECK(are(make_windows(10, 6, {2}), {{0, 0, 2}, {0, 2, 4}, {0, 4, 6}, {2, 6, 8}, {4, 8, 10}}));
  CHECK(are(make_windows(7, 5, {3}), {{0, 0, 3}, {1, 3, 6}, {4, 6, 7}}));
  CHECK(are(make_windows(3, 2, {1}), {{0, 0, 1}, {0, 1, 2}, {1, 2, 3}}));
  CHECK(are(make_windows(9, 4, {4}), make_windows(9, 4, {})));
  check_refused([] { make_windows(9, 4, {5}); },
                "the stride must be at most the evaluation length (4), got stride:5");
  check_refused([] { make_windows(9, 0, {}); }, "the evaluation length must be >= 1, got 0");
}

TEST_CASE("the numbers of windows are those of the paper's code on WikiText-103") {
  CHECK(make_windows(217646, 512, {}).size() == 426);
  CHECK(make_windows(217646, 512, {}).back().end -
            make_windows(217646, 512, {}).back().score_begin ==
        46);
  CHECK(make_windows(245569, 3072, {}).size() == 80);
  CHECK(make_windows(217646, 3072, {512}).size() == 426);
  CHECK(make_windows(245569, 3072, {512}).size() == 480);
  CHECK(make_windows(217646, 1024, {1}).size() == 217646);
}

TEST_CASE("every target is scored once, by a window no longer than asked, whatever the sizes") {
  RandomStream random(3, RandomPurpose::Benchmark, 1);
  for (int round = 0; round < 300; ++round) {
    const auto num_tokens = static_cast<std::int64_t>(random.below(200));
    const auto length = static_cast<std::int64_t>(1 + random.below(50));
    const auto stride =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(length) + 1));
    INFO(num_tokens << " tokens, length " << length << ", stride " << stride);
    std::int64_t next = 0;
    for (const Window& window : make_windows(num_tokens, length, {stride})) {
      REQUIRE(window.score_begin == next);
      REQUIRE(window.end > window.score_begin);
      REQUIRE(window.context_begin >= 0);
      REQUIRE(window.end - window.context_begin <= length);
      const std::int64_t context = stride == 0 ? 0 : length - stride;
      REQUIRE(window.context_begin == std::max<std::int64_t>(0, window.score_begin - context));
      next = window.end;
    }
    REQUIRE(next == num_tokens);
  }
}

}  // namespace
}  // namespace longspan
