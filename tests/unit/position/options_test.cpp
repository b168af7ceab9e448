// What the position section says and what it may not say.

#include "longspan/position/options.h"

#include "longspan/core/error.h"
#include "longspan/position/position.h"
#include "position/alibi_slopes.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

PositionConfig read(const std::string& section) {
  const auto document = config::Document::from_text("position: " + section, "test.yaml");
  return read_position_config(document.root().section("position"));
}

std::string error_of(const std::string& section,
                     const PositionDimensions& dimensions = {12, 3, 4, 16}) {
  try {
    read(section).make(dimensions);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "no error";
}

TEST_CASE("the position section fills the options, by default as their structs say") {
  for (const auto& kind : position_kinds()) {
    CHECK(read("{kind: " + kind + "}").kind == kind);
    CHECK(read("{kind: " + kind + "}").options.index() == default_position_options(kind).index());
  }
  const auto rotary = std::get<RotaryOptions>(
      read("{kind: rotary, base: 500.0, pairing: half_split, fraction: 0.5, first_position: 2}")
          .options);
  CHECK(rotary.base == 500.0);
  CHECK(rotary.pairing == RotaryPairing::HalfSplit);
  CHECK(rotary.fraction == 0.5);
  CHECK(rotary.first_position == 2);
  const auto by_default = std::get<RotaryOptions>(read("{kind: rotary}").options);
  CHECK(by_default.base == 10000.0);
  CHECK(by_default.pairing == RotaryPairing::Interleaved);
  const auto t5 = std::get<T5Options>(
      read("{kind: t5, num_buckets: 8, max_distance: 9, shared: false, scale_scores: false}")
          .options);
  CHECK(t5.num_buckets == 8);
  CHECK(t5.max_distance == 9);
  CHECK_FALSE(t5.shared);
  CHECK_FALSE(t5.scale_scores);
  const auto fire = std::get<FireOptions>(read("{kind: fire, width: 3, threshold: 4.0}").options);
  CHECK(fire.width == 3);
  CHECK(fire.threshold == 4.0);
  const auto sandwich =
      std::get<SandwichOptions>(read("{kind: sandwich, dim: 8, first_frequency: 1}").options);
  CHECK(sandwich.dim == 8);
  CHECK(sandwich.first_frequency == 1);
  const auto alibi = std::get<AlibiOptions>(
      read("{kind: alibi, form: absolute, max_bias: 4, score_scale: 0.5}").options);
  CHECK(alibi.form == AlibiForm::Absolute);
  CHECK(alibi.max_bias == 4.0);
  CHECK(alibi.score_scale == 0.5);
  const auto plain_alibi = std::get<AlibiOptions>(read("{kind: alibi}").options);
  CHECK(plain_alibi.max_bias == 8.0);
  CHECK(plain_alibi.score_scale == 0.0);
  CHECK(std::get<KerpleOptions>(read("{kind: kerple, kernel: power}").options).kernel ==
        KerpleKernel::Power);
  CHECK(std::get<XPosOptions>(read("{kind: xpos, scale_base: 16}").options).scale_base == 16.0);
  CHECK(
      std::get<LearnedOptions>(read("{kind: learned, max_positions: 40}").options).max_positions ==
      40);
}

TEST_CASE("T5 starts by the rule that the config names") {
  const auto start = [](const std::string& section) {
    const auto parameters = read(section).make({16, 2, 8, 8})->parameters();
    return std::pair{parameters.front().normal_std, parameters.front().start_value};
  };
  CHECK(start("{kind: t5}") == std::pair{0.25, 0.0});  // 16^-1/2
  CHECK(start("{kind: t5, init: unit}") == std::pair{1.0, 0.0});
  CHECK(start("{kind: t5, init: zero}") == std::pair{0.0, 0.0});
}

TEST_CASE("learned positions end at the trained length unless the config gives more") {
  CHECK(make_position(LearnedOptions{}, {12, 3, 4, 16})->max_positions() == 16);
  CHECK(make_position(LearnedOptions{.max_positions = 40}, {12, 3, 4, 16})->max_positions() == 40);
  CHECK_THAT(error_of("{kind: learned, max_positions: 9}"),
             ContainsSubstring("position.max_positions") && ContainsSubstring("16") &&
                 ContainsSubstring("9"));
}

TEST_CASE("errors name the key, what must hold and what was found") {
  CHECK_THAT(error_of("{kind: alibbi}"),
             ContainsSubstring("position.kind") && ContainsSubstring("alibi"));
  CHECK_THAT(error_of("{kind: alibi, base: 3}"), ContainsSubstring("position.base"));
  CHECK_THAT(error_of("{kind: rotary}", {9, 3, 3, 16}),
             ContainsSubstring("even") && ContainsSubstring("3"));
  CHECK_THAT(error_of("{kind: sinusoidal}", {9, 3, 3, 16}),
             ContainsSubstring("model.d_model") && ContainsSubstring("9"));
  CHECK_THAT(error_of("{kind: t5, num_buckets: 64, max_distance: 32}"),
             ContainsSubstring("position.max_distance") && ContainsSubstring("32"));
  CHECK_THAT(error_of("{kind: t5, init: one}"),
             ContainsSubstring("position.init") && ContainsSubstring("one"));
  CHECK_THAT(error_of("{kind: sandwich, dim: 7}"), ContainsSubstring("position.dim") &&
                                                       ContainsSubstring("even") &&
                                                       ContainsSubstring("7"));
  CHECK_THAT(error_of("{kind: sandwich, first_frequency: 2}"),
             ContainsSubstring("position.first_frequency") && ContainsSubstring("2"));
}

TEST_CASE("alibi's slopes end at 2^-max_bias") {
  CHECK(alibi_slopes(4, 4.0) == std::vector<double>{0.5, 0.25, 0.125, 0.0625});
  CHECK(alibi_slopes(3, 4.0) == std::vector<double>{0.25, 0.0625, 0.5});
  CHECK(alibi_slopes(3) == alibi_slopes(3, 8.0));
  for (const std::string key : {"max_bias: 0", "max_bias: -1", "score_scale: -1"})
    CHECK_THAT(error_of("{kind: alibi, " + key + "}"),
               ContainsSubstring("position." + key.substr(0, key.find(':'))));
}

TEST_CASE("alibi's score_scale takes the place of 1/sqrt(head_dim)") {
  CHECK(read("{kind: alibi}").make({12, 3, 4, 16})->score_scale(4) == 0.5);
  CHECK(read("{kind: alibi, score_scale: 0.75}").make({12, 3, 4, 16})->score_scale(4) == 0.75);
}

}  // namespace
}  // namespace longspan
