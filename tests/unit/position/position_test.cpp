// Each method's own numbers, against values worked out from its paper.

#include "longspan/position/position.h"

#include <cmath>

#include "longspan/core/error.h"
#include "support/rotations.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::rotated;

std::vector<double> slopes(std::int64_t num_heads) {
  const auto method = make_position(AlibiOptions{}, {16, num_heads, 4, 8});
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
  const auto method = make_position(AlibiLearnedOptions{}, {16, 4, 4, 8});
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
  const auto method = make_position(SinusoidalOptions{}, {6, 1, 6, 8});
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
  const auto pairing = GENERATE(RotaryPairing::Interleaved, RotaryPairing::HalfSplit);
  const auto method = make_position(RotaryOptions{.pairing = pairing}, {8, 1, 8, 8});
  const auto q = testing::random_tensor({1, 1, 1, 8}, 1, at::kDouble),
             k = testing::random_tensor({1, 1, 1, 8}, 2, at::kDouble);
  const auto turn = [&](const at::Tensor& x, std::int64_t position) {
    return rotated(*method, {x, x}, {position, 1}).q_BTHK;
  };
  CHECK(difference(turn(q, 0), q, 1e-15) == "");
  CHECK(std::abs(turn(q, 9).norm().item<double>() - q.norm().item<double>()) < 1e-12);
  const auto score = [&](std::int64_t i, std::int64_t j) {
    return (turn(q, i) * turn(k, j)).sum().item<double>();
  };
  CHECK(std::abs(score(7, 3) - score(104, 100)) < 1e-10);
  CHECK(std::abs(score(7, 3) - score(8, 3)) > 1e-3);
  // the first pair turns by exactly one radian a position
  const std::int64_t partner = pairing == RotaryPairing::Interleaved ? 1 : 4;
  const auto turned = turn(q, 1).flatten();
  const double x = q.flatten()[0].item<double>(), y = q.flatten()[partner].item<double>();
  CHECK(std::abs(turned[0].item<double>() - (x * std::cos(1.0) - y * std::sin(1.0))) < 1e-12);
}

TEST_CASE("rotary counts from the first position that the config names") {
  const auto x = testing::random_tensor({1, 3, 1, 4}, 1, at::kDouble);
  const auto from_2 = make_position(RotaryOptions{.first_position = 2}, {4, 1, 4, 8}),
             from_0 = make_position(RotaryOptions{}, {4, 1, 4, 8});
  CHECK(rotated(*from_2, {x, x}, {5, 3}).q_BTHK.equal(rotated(*from_0, {x, x}, {7, 3}).q_BTHK));
  CHECK_FALSE(
      rotated(*from_2, {x, x}, {5, 3}).q_BTHK.equal(rotated(*from_0, {x, x}, {5, 3}).q_BTHK));
}

TEST_CASE("rotary with a fraction leaves the rest of each head as it is") {
  const auto x = testing::random_tensor({1, 5, 2, 8}, 1, at::kDouble);
  const auto part = make_position(
      RotaryOptions{.pairing = RotaryPairing::HalfSplit, .fraction = 0.5}, {16, 2, 8, 8});
  const auto whole =
      make_position(RotaryOptions{.pairing = RotaryPairing::HalfSplit}, {8, 2, 4, 8});
  const auto turned = rotated(*part, {x, x}, {3, 5}).k_BTGK;
  CHECK(turned.narrow(-1, 4, 4).equal(x.narrow(-1, 4, 4)));
  const auto front = x.narrow(-1, 0, 4).contiguous();
  CHECK(turned.narrow(-1, 0, 4).equal(rotated(*whole, {front, front}, {3, 5}).k_BTGK));
}

TEST_CASE("xpos is rotary times a decay of the distance") {
  const std::int64_t K = 6;
  const auto xpos = make_position(XPosOptions{.scale_base = 16}, {12, 2, K, 8}),
             rotary = make_position(RotaryOptions{}, {12, 2, K, 8});
  const auto q = testing::random_tensor({1, 1, 2, K}, 1, at::kDouble),
             k = testing::random_tensor({1, 1, 2, K}, 2, at::kDouble);
  const auto at_positions = [&](const PositionMethod& method, std::int64_t n, std::int64_t m) {
    return rotated(method, {q, q}, {n, 1}).q_BTHK * rotated(method, {k, k}, {m, 1}).k_BTGK;
  };
  const auto scores = at_positions(*xpos, 40, 9), plain = at_positions(*rotary, 40, 9);
  for (std::int64_t j = 0; j < K / 2; ++j) {
    const double zeta = (2.0 * double(j) / double(K) + 0.4) / 1.4;
    const double decay = std::pow(zeta, (40.0 - 9.0) / 16.0);
    CHECK(difference(scores.narrow(-1, 2 * j, 2), plain.narrow(-1, 2 * j, 2) * decay, 1e-12) == "");
  }
  CHECK(xpos->max_positions() == 64 * 16);
}

TEST_CASE("KERPLE's kernels of the distance") {
  for (const bool power : {false, true}) {
    const auto kernel = power ? KerpleKernel::Power : KerpleKernel::Log;
    const auto method = make_position(KerpleOptions{kernel}, {12, 2, 6, 8});
    const auto parameters = method->parameters();
    parameters[0].tensor.detach().copy_(at::tensor({0.5, -1.0}));
    parameters[1].tensor.detach().copy_(at::tensor({0.25, 1.5}));
    const auto bias_HN = std::get<DistanceBias>(method->score_bias(5)).bias_HN;
    for (std::int64_t h = 0; h < 2; ++h)
      for (std::int64_t d = 0; d < 5; ++d) {
        const double w1 = h == 0 ? 0.5 : -1.0, w2 = h == 0 ? 0.25 : 1.5, distance = double(d);
        const double expected =
            power ? -std::exp(w1) * std::pow(distance, 2.0 / (1.0 + std::exp(-w2)))
                  : -std::exp(w1) * std::log(1.0 + std::exp(w2) * distance);
        CHECK(std::abs(bias_HN[h][d].item<double>() - expected) < 1e-5);
      }
  }
}

TEST_CASE("FIRE is a function of psi(distance) over psi of the query's reach") {
  const auto method = make_position(FireOptions{.width = 3, .threshold = 4.0}, {12, 2, 6, 8});
  for (const auto& parameter : method->parameters()) {
    if (parameter.normal_std > 0.0)
      parameter.tensor.detach().copy_(testing::random_tensor(parameter.tensor.sizes(), 3));
    else
      parameter.tensor.detach().fill_(parameter.start_value);
  }
  const auto bias_HTS = std::get<DenseBias>(method->score_bias(9)).bias_HTS;
  CHECK(bias_HTS.sizes() == at::IntArrayRef{2, 9, 9});
  const auto parameters = method->parameters();
  const auto psi = [](double x) { return std::log1p(0.1 * x); };
  for (const std::int64_t i : {2, 8})
    for (const std::int64_t j : {0, 1, 2}) {
      const double share = psi(double(i - j)) / psi(std::max(4.0, double(i)));
      const auto hidden = (parameters[2].tensor.squeeze(1) * share + parameters[3].tensor).relu();
      const auto expected = parameters[4].tensor.mv(hidden) + parameters[5].tensor;
      CHECK(difference(bias_HTS.select(1, i).select(1, j), expected, 1e-6) == "");
    }
}

TEST_CASE("ALiBi's absolute form differs from the relative one by a constant a row") {
  const auto relative = make_position(AlibiOptions{}, {12, 3, 4, 8}),
             absolute = make_position(AlibiOptions{AlibiForm::Absolute}, {12, 3, 4, 8});
  const auto slopes_H = std::get<LinearBias>(relative->score_bias(7)).slopes_H;
  const auto bias_H1S = std::get<DenseBias>(absolute->score_bias(7)).bias_HTS;
  CHECK(bias_H1S.sizes() == at::IntArrayRef{3, 1, 7});
  CHECK(difference(bias_H1S.squeeze(1), slopes_H.unsqueeze(1) * at::arange(7, at::kDouble), 0.0) ==
        "");
  const auto x = testing::random_tensor({2, 7, 3, 4}, 1, at::kDouble);
  const AttentionOptions with_relative{LinearBias{slopes_H}, 0.5, std::nullopt},
      with_absolute{DenseBias{bias_H1S}, 0.5, std::nullopt};
  CHECK(difference(attention(x, x, x, with_relative), attention(x, x, x, with_absolute), 1e-12) ==
        "");
}

TEST_CASE("T5 buckets: each small distance its own, then logarithmic, then the last for all") {
  const auto method = make_position(T5Options{}, {16, 2, 8, 8});
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

TEST_CASE("T5 shares one table over the layers or gives each its own") {
  const PositionDimensions three_layers{16, 2, 8, 8, 3};
  CHECK(make_position(T5Options{}, three_layers)->layer_biases(5).size() == 1);
  const auto method = make_position(T5Options{.num_buckets = 4, .shared = false}, three_layers);
  const auto parameters = method->parameters();
  REQUIRE(parameters.size() == 3);
  CHECK(parameters[2].name == "t5.layers.2.weight");
  for (std::size_t i = 0; i < 3; ++i)
    parameters[i].tensor.detach().copy_(at::arange(8, at::kFloat).view({4, 2}) + 10.0 * double(i));
  const auto biases = method->layer_biases(5);
  REQUIRE(biases.size() == 3);
  const auto at_distance_1 = [&](std::size_t layer) {
    return std::get<DistanceBias>(biases[layer]).bias_HN[1][1].item<double>();
  };
  CHECK(at_distance_1(0) == 3.0);  // bucket 1, head 1 of rows of two
  CHECK(at_distance_1(2) == 23.0);
  CHECK_THROWS_AS(make_position(T5Options{.shared = false}, {16, 2, 8, 8}), Error);
}

TEST_CASE("every kind scales scores by 1/sqrt(K), and T5 does not when it is told so") {
  for (const auto& kind : position_kinds())
    CHECK(make_position(default_position_options(kind), {20, 2, 10, 8, 1})->score_scale(10) ==
          1 / std::sqrt(10.0));
  CHECK(make_position(T5Options{.scale_scores = false}, {20, 2, 10, 8})->score_scale(10) == 1.0);
}

// The expected numbers are inner products of the embeddings themselves, sin and cos of i / b_k and
// of j / b_k with b_k = 10000^(2k / dim), at i = 7 + distance and j = 7, divided by 8h / H; summed
// in Python's float64 and printed to 12 digits. Angles up to 3007 are rounded to 2^-42 at most, so
// a sum of 64 terms over a ratio of 2/3 is off by less than 1e-10.
TEST_CASE("Sandwich is the inner product of sinusoidal embeddings over the head's ratio") {
  const auto bias = [](const SandwichOptions& options, std::int64_t num_heads) {
    const auto method = make_position(options, {12, num_heads, 4, 8});
    CHECK(method->parameters().empty());
    return std::get<DistanceBias>(method->score_bias(3001)).bias_HN;
  };
  const auto check_head = [](const at::Tensor& bias_N, const std::vector<std::int64_t>& distances,
                             const std::vector<double>& expected) {
    for (std::size_t n = 0; n < distances.size(); ++n) {
      INFO("distance " << distances[n]);
      CHECK(std::abs(bias_N[distances[n]].item<double>() - expected[n]) < 1e-10);
    }
  };
  const auto counted_from_0 = bias({.dim = 8}, 3);
  CHECK(counted_from_0.sizes() == at::IntArrayRef{3, 3001});
  check_head(counted_from_0[0], {0, 1, 5, 40},
             {1.5, 1.325720989336, 1.184993440415, 0.224879781805});
  check_head(counted_from_0[2], {0, 1, 5, 40},
             {0.5, 0.441906996445, 0.394997813472, 0.074959927268});
  const auto counted_from_1 = bias({.dim = 8, .first_frequency = 1}, 3);
  check_head(counted_from_1[1], {0, 1, 5, 40},
             {0.75, 0.749053811380, 0.726810036996, 0.424989277465});
  const auto by_default = bias({}, 12);
  check_head(by_default[0], {1, 100, 3000}, {93.140525708651, 45.815182052236, 4.059301399014});
  check_head(by_default[11], {1, 100, 3000}, {7.761710475721, 3.817931837686, 0.338275116584});
}

}  // namespace
}  // namespace longspan
