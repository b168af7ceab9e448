// Each method's own numbers, against values worked out from its paper.

#include "longspan/position/position.h"

#include <cmath>

#include "longspan/core/error.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::difference;

std::unique_ptr<PositionMethod> make(const std::string& section,
                                     const PositionDimensions& dimensions) {
  const auto document = config::Document::from_text("position: " + section, "test.yaml");
  return read_position_config(document.root().section("position")).make(dimensions);
}

std::string error_of(const std::string& section,
                     const PositionDimensions& dimensions = {12, 3, 4, 16}) {
  try {
    make(section, dimensions);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "no error";
}

std::vector<double> slopes(std::int64_t num_heads) {
  const auto method = make("{kind: alibi}", {16, num_heads, 4, 8});
  const auto slopes_H = std::get<LinearBias>(method->score_bias(5)).slopes_H;
  return {slopes_H.const_data_ptr<double>(), slopes_H.const_data_ptr<double>() + slopes_H.numel()};
}

TEST_CASE("ALiBi slopes for powers of two and for other numbers of heads") {
  CHECK(slopes(1) == std::vector<double>{1.0 / 256});
  CHECK(slopes(4) == std::vector<double>{1.0 / 4, 1.0 / 16, 1.0 / 64, 1.0 / 256});
  CHECK(slopes(3) == std::vector<double>{1.0 / 16, 1.0 / 256, 1.0 / 4});
  CHECK(slopes(6) == std::vector<double>{1.0 / 4, 1.0 / 16, 1.0 / 64, 1.0 / 256, 1.0 / 2, 1.0 / 8});
  const auto twelve = slopes(12);
  REQUIRE(twelve.size() == 12);
  CHECK(std::abs(twelve[8] - std::sqrt(0.5)) < 1e-15);
  CHECK(std::abs(twelve[11] - std::exp2(-3.5)) < 1e-15);
}

TEST_CASE("learned ALiBi slopes start at the paper's and follow their parameters") {
  const auto method = make("{kind: alibi_learned}", {16, 4, 4, 8});
  const auto bias = [&] { return std::get<DistanceBias>(method->score_bias(6)).bias_HN; };
  CHECK(bias().sizes() == at::IntArrayRef{4, 6});
  CHECK(bias()[0][5].item<double>() == -5.0 / 4);
  CHECK(bias()[3][2].item<double>() == -2.0 / 256);
  const auto parameters = method->parameters();
  REQUIRE(parameters.size() == 1);
  CHECK(parameters[0].normal_std == 0.0);
  parameters[0].tensor.detach().fill_(std::log(3.0));
  CHECK(std::abs(bias()[0][5].item<double>() + 15.0 / 4) < 1e-5);
}

TEST_CASE("sinusoidal positions start at 2, sines first, exponent over half - 1") {
  const auto method = make("{kind: sinusoidal}", {6, 1, 6, 8});
  const auto signal = method->embed(at::zeros({1, 2, 6}), {3, 2});
  for (const std::int64_t t : {0, 1})
    for (const std::int64_t i : {0, 1, 2}) {
      const double angle =
          static_cast<double>(2 + 3 + t) * std::pow(10000.0, -static_cast<double>(i) / 2.0);
      CHECK(std::abs(signal[0][t][i].item<double>() - std::sin(angle)) < 1e-6);
      CHECK(std::abs(signal[0][t][i + 3].item<double>() - std::cos(angle)) < 1e-6);
    }
}

TEST_CASE("rotary turns pairs by position, keeps norms, and scores see only the distance") {
  const auto pairing = GENERATE("interleaved", "half_split");
  const auto method = make(std::string("{kind: rotary, pairing: ") + pairing + "}", {8, 1, 8, 8});
  const auto q = testing::random_tensor({1, 1, 1, 8}, 1, at::kDouble),
             k = testing::random_tensor({1, 1, 1, 8}, 2, at::kDouble);
  const auto turn = [&](const at::Tensor& x, std::int64_t position) {
    return method->rotate({x, x}, {position, 1}).q_BTHK;
  };
  CHECK(difference(turn(q, 0), q, 1e-15) == "");
  CHECK(std::abs(turn(q, 9).norm().item<double>() - q.norm().item<double>()) < 1e-12);
  const auto score = [&](std::int64_t i, std::int64_t j) {
    return (turn(q, i) * turn(k, j)).sum().item<double>();
  };
  CHECK(std::abs(score(7, 3) - score(104, 100)) < 1e-10);
  CHECK(std::abs(score(7, 3) - score(8, 3)) > 1e-3);
  // the first pair turns by exactly one radian a position
  const std::int64_t partner = pairing == std::string("interleaved") ? 1 : 4;
  const auto turned = turn(q, 1).flatten();
  const double x = q.flatten()[0].item<double>(), y = q.flatten()[partner].item<double>();
  CHECK(std::abs(turned[0].item<double>() - (x * std::cos(1.0) - y * std::sin(1.0))) < 1e-12);
}

TEST_CASE("T5 buckets: each small distance its own, then logarithmic, then the last for all") {
  const auto method = make("{kind: t5}", {16, 2, 8, 8});
  auto table = method->parameters().front().tensor;
  CHECK(table.sizes() == at::IntArrayRef{32, 2});
  table.detach().copy_(at::arange(64, at::kFloat).view({32, 2}));
  const auto bias_HN = std::get<DistanceBias>(method->score_bias(300)).bias_HN;
  const auto bucket = [&](std::int64_t distance) {
    return bias_HN[0][distance].item<double>() / 2.0;
  };
  for (const std::int64_t distance : {0, 1, 15})
    CHECK(bucket(distance) == static_cast<double>(distance));
  for (const std::int64_t distance : {16, 17, 18, 19, 40, 90, 127})
    CHECK(bucket(distance) ==
          16 + std::floor(16 * std::log(static_cast<double>(distance) / 16) / std::log(8.0)));
  CHECK(bucket(128) == 31);
  CHECK(bucket(299) == 31);
  CHECK(bias_HN[1][3].item<double>() == 7);
}

TEST_CASE("learned positions end at the trained length unless the config gives more") {
  CHECK(make("{kind: learned}", {12, 3, 4, 16})->max_positions() == 16);
  CHECK(make("{kind: learned, max_positions: 40}", {12, 3, 4, 16})->max_positions() == 40);
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
}

}  // namespace
}  // namespace longspan
