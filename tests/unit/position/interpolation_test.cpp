// Distances that are divided, so that long sequences span those that were trained.

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/position/position.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::difference;

constexpr PositionDimensions kDimensions{
    .d_model = 64, .num_heads = 4, .head_dim = 16, .seq_len = 128, .num_layers = 2};

std::unique_ptr<PositionMethod> method_of(const std::string& section) {
  const auto document = config::Document::from_text("position: " + section, "test.yaml");
  return read_position_config(document.root().section("position")).make(kDimensions);
}

RotaryAngles angles_of(const std::string& section, std::int64_t position) {
  return method_of(section)->rotation({position, 1}, at::TensorOptions(at::kDouble))->key;
}

std::string error_of(const std::string& section) {
  try {
    method_of(section);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "no error";
}

TEST_CASE("linear interpolation turns a position as one nearer by the factor") {
  const auto near = angles_of("{kind: rotary}", 37),
             far = angles_of("{kind: rotary, interpolation: 4}", 4 * 37);
  CHECK(difference(near.cos_TF, far.cos_TF, 1e-14) == "");
  CHECK(difference(near.sin_TF, far.sin_TF, 1e-14) == "");
}

TEST_CASE("NTK-aware interpolation leaves the fastest pair and divides the slowest") {
  const auto at_one = angles_of("{kind: rotary}", 1),
             scaled = angles_of("{kind: rotary, interpolation: 8, interpolation_rule: ntk}", 1);
  const auto angle = [](const RotaryAngles& angles, std::int64_t pair) {
    return std::atan2(angles.sin_TF[0][pair].item<double>(), angles.cos_TF[0][pair].item<double>());
  };
  CHECK(angle(scaled, 0) == angle(at_one, 0));
  CHECK(std::abs(angle(at_one, 7) / angle(scaled, 7) - 8.0) < 1e-9);
  for (std::int64_t pair = 1; pair < 7; ++pair) {
    CHECK(angle(scaled, pair) < angle(at_one, pair));
    CHECK(angle(scaled, pair) > angle(at_one, pair) / 8.0);
  }
}

TEST_CASE("a factor of one is the method itself, whatever the rule") {
  for (const std::string rule : {"linear", "ntk", "yarn", "llama3"}) {
    const auto plain = angles_of("{kind: rotary}", 100),
               scaled = angles_of("{kind: rotary, interpolation_rule: " + rule + "}", 100);
    CHECK(at::equal(plain.cos_TF, scaled.cos_TF));
    CHECK(at::equal(plain.sin_TF, scaled.sin_TF));
  }
}

TEST_CASE("YaRN takes the trained length of the model unless it is told another") {
  const std::string yarn = "{kind: rotary, interpolation: 4, interpolation_rule: yarn";
  const auto own = angles_of(yarn + "}", 3);
  CHECK(at::equal(own.cos_TF, angles_of(yarn + ", original_length: 128}", 3).cos_TF));
  CHECK_FALSE(at::equal(own.cos_TF, angles_of(yarn + ", original_length: 4096}", 3).cos_TF));
}

TEST_CASE("interpolated slopes are those of distances divided by the factor") {
  const auto slopes = [](const std::string& section) {
    return std::get<LinearBias>(method_of(section)->score_bias(8)).slopes_H;
  };
  CHECK(at::equal(slopes("{kind: alibi, interpolation: 4}") * 4.0, slopes("{kind: alibi}")));
  const auto learned = [](const std::string& section, std::int64_t distance) {
    return std::get<DistanceBias>(method_of(section)->score_bias(64)).bias_HN.select(1, distance);
  };
  CHECK(at::equal(learned("{kind: alibi_learned, interpolation: 4}", 48),
                  learned("{kind: alibi_learned}", 12)));
}

TEST_CASE("T5 takes the bucket of the distance divided by the factor") {
  const auto biases = [](const std::string& section, std::int64_t num_keys) {
    const auto method = method_of(section);
    auto table_NH = method->parameters().front().tensor.detach();
    table_NH.copy_(at::arange(32 * 4).view({32, 4}));  // each bucket has a value of its own
    return std::get<DistanceBias>(method->score_bias(num_keys)).bias_HN.detach();
  };
  const auto plain = biases("{kind: t5}", 200),
             scaled = biases("{kind: t5, interpolation: 3}", 600);
  for (std::int64_t distance = 0; distance < 200; ++distance)
    CHECK(at::equal(scaled.select(1, 3 * distance), plain.select(1, distance)));
}

TEST_CASE("a number that the rule or the method does not know is an error that names it") {
  const std::string rotary = "{kind: rotary, interpolation: 2, ";
  CHECK_THAT(error_of(rotary + "beta_fast: 8}"), ContainsSubstring("position.beta_fast"));
  CHECK_THAT(error_of(rotary + "interpolation_rule: llama3, beta_slow: 8}"),
             ContainsSubstring("position.beta_slow"));
  CHECK_THAT(error_of(rotary + "interpolation_rule: yarn, low_freq_factor: 2}"),
             ContainsSubstring("position.low_freq_factor"));
  CHECK_THAT(error_of(rotary + "interpolation_rule: yarn, beta_fast: 1, beta_slow: 2}"),
             ContainsSubstring("position.beta_fast"));
  CHECK_THAT(error_of("{kind: rotary, interpolation: 0.5}"),
             ContainsSubstring("position.interpolation"));
  CHECK_THAT(error_of("{kind: rotary, fraction: 0.125, interpolation: 2, interpolation_rule: ntk}"),
             ContainsSubstring("interpolation_rule"));
  for (const std::string kind : {"sinusoidal", "none", "fire", "learned"})
    CHECK_THAT(error_of("{kind: " + kind + ", interpolation: 2}"),
               ContainsSubstring("position.interpolation"));
}

}  // namespace
}  // namespace longspan
