// The loss scale step by step against fairseq's rules.
#include "longspan/optim/loss_scale.h"

#include <string>
#include <vector>

#include "longspan/core/error.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

struct Event {
  bool overflow;
  double scale;  // after it
};

// Derived by hand from fairseq's rules with a window of 3. Iteration i counts updates and overflows
// from 0, `last` is the iteration of the last overflow, -1 before the first; an update doubles the
// scale where i - last is a multiple of 3, an overflow halves it at once and sets last = i.
const std::vector<Event> kFairseq = {
    {false, 128.0},  // i 0, last -1: 1
    {false, 128.0},  // 1: 2
    {false, 256.0},  // 2: 3
    {false, 256.0},  // 3: 4
    {false, 256.0},  // 4: 5
    {false, 512.0},  // 5: 6
    {false, 512.0},  // 6: 7
    {true, 256.0},   // 7, last = 7
    {false, 256.0},  // 8: 1
    {false, 256.0},  // 9: 2, an update short of doubling
    {true, 128.0},   // 10, last = 10
    {true, 64.0},    // 11, last = 11
    {false, 64.0},   // 12: 1
    {false, 64.0},   // 13: 2
    {false, 128.0},  // 14: 3
    {true, 64.0},    // 15, last = 15: right after doubling
    {false, 64.0},   // 16: 1
    {false, 64.0},   // 17: 2
    {false, 128.0},  // 18: 3
    {false, 128.0},  // 19: 4
    {false, 128.0},  // 20: 5
    {false, 256.0},  // 21: 6
};

void apply(LossScale& loss_scale, const Event& event) {
  if (event.overflow)
    REQUIRE(loss_scale.back_off());
  else
    loss_scale.count_update();
}

TEST_CASE("the loss scale follows fairseq's rules") {
  LossScale loss_scale({.window = 3}, 1);
  CHECK(loss_scale.scale() == 128.0);
  for (std::size_t i = 0; i < kFairseq.size(); ++i) {
    INFO("iteration " << i);
    apply(loss_scale, kFairseq[i]);
    CHECK(loss_scale.scale() == kFairseq[i].scale);
  }
}

TEST_CASE("a loss scale goes on from its state anywhere") {
  for (std::size_t cut = 0; cut <= kFairseq.size(); ++cut) {
    LossScale before({.window = 3}, 1), after({.init = 2.0, .window = 3}, 1);
    for (std::size_t i = 0; i < cut; ++i) apply(before, kFairseq[i]);
    after.set_state(before.state());
    for (std::size_t i = cut; i < kFairseq.size(); ++i) {
      INFO("cut at " << cut << ", iteration " << i);
      apply(after, kFairseq[i]);
      CHECK(after.scale() == kFairseq[i].scale);
    }
  }
}

TEST_CASE("at the minimum or below the loss scale stays as it was") {
  LossScale below({.init = 1.0, .min = 0.3}, 1);
  CHECK(below.back_off());
  CHECK_FALSE(below.back_off());  // to 0.25
  CHECK(below.scale() == 0.5);
  LossScale at_minimum({.init = 1.0, .min = 0.5}, 1);
  CHECK_FALSE(at_minimum.back_off());
  CHECK(at_minimum.scale() == 1.0);
}

// 8 devices of the paper with one pass, and with three at its longest length.
TEST_CASE("the window of auto is 2^14 over the passes of a step") {
  CHECK(LossScale({}, 1).window() == 16384);
  CHECK(LossScale({}, 8).window() == 2048);
  CHECK(LossScale({}, 24).window() == 682);
  CHECK(LossScale({}, 20000).window() == 1);
  CHECK(LossScale({.window = 5}, 8).window() == 5);
}

LossScaleConfig read(const std::string& text) {
  const auto document = config::Document::from_text("loss_scale: " + text, "test.yaml");
  return read_loss_scale_config(document.root().section("loss_scale"));
}

std::string error_of(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "no error";
}

TEST_CASE("the loss_scale section has fairseq's defaults and ranges") {
  const auto defaults = read("{}");
  CHECK(defaults.init == 128.0);
  CHECK(defaults.window == 0);
  CHECK(defaults.min == 1e-4);
  const auto given = read("{init: 65536, window: 2000, min: 1}");
  CHECK(given.init == 65536.0);
  CHECK(given.window == 2000);
  CHECK(given.min == 1.0);
  CHECK(read("{window: auto}").window == 0);
  CHECK_THAT(error_of("{init: 0}"), ContainsSubstring("loss_scale.init"));
  CHECK_THAT(error_of("{window: 0}"), ContainsSubstring("loss_scale.window"));
  CHECK_THAT(error_of("{min: 0}"), ContainsSubstring("loss_scale.min"));
  CHECK_THAT(error_of("{init: 2, min: 4}"),
             ContainsSubstring("loss_scale.init must be greater than min (4), got 2"));
  CHECK_THAT(error_of("{initial: 2}"), ContainsSubstring("loss_scale.initial"));
}

}  // namespace
}  // namespace longspan
