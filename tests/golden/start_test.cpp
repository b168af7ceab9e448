// What a model begins with: slopes, tables, buckets and start values.

#include <algorithm>
#include <cmath>

#include "golden/original_start.h"
#include "golden/recording.h"
#include "support/rotations.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;

TEST_CASE("golden: slopes") {
  for (const auto& recording : testing::recordings_of("slopes")) {
    for (const auto& [heads, slopes] : recording.manifest.at("slopes").items()) {
      INFO(heads << " heads");
      const auto num_heads = std::stoll(heads);
      const auto method = make_position(AlibiOptions{}, {64 * num_heads, num_heads, 64, 8});
      const auto ours_H = std::get<LinearBias>(method->score_bias(8)).slopes_H;
      CHECK(difference(ours_H, at::tensor(slopes.get<std::vector<double>>(), at::kDouble), 0.0,
                       1e-12) == "");
    }
    // The recorded mask counts keys from 0, ours from the query: rows differ by a constant.
    const auto& example = recording.manifest.at("mask_example");
    const std::int64_t heads = example.at("heads"), T = example.at("T");
    const auto method = make_position(AlibiOptions{}, {64 * heads, heads, 64, 8});
    const auto slopes_H = std::get<LinearBias>(method->score_bias(T)).slopes_H;
    for (std::int64_t row = 0; row < example.at("batch").get<std::int64_t>() * heads; ++row)
      for (std::int64_t i = 0; i < T; ++i)
        for (std::int64_t j = 0; j <= i; ++j) {
          const double slope = slopes_H[row % heads].item<double>();
          CHECK(std::abs(slope * double(j - i) + slope * double(i) -
                         example.at("mask")[std::size_t(row)][std::size_t(i)][std::size_t(j)]
                             .get<double>()) <= 1e-12);
        }
  }
}

// The table that a method adds, read off by embedding zeros.
at::Tensor sinusoidal_rows(std::int64_t d_model, std::int64_t first_row, std::int64_t count) {
  constexpr std::int64_t kFirstRow = 2;  // of position 0
  const auto method = make_position(SinusoidalOptions{}, {d_model, 1, d_model, 8});
  return method->embed(at::zeros({1, count, d_model}), {first_row - kFirstRow, count})[0];
}

TEST_CASE("golden: positions") {
  for (const auto& recording : testing::recordings_of("positions")) {
    const auto tensors = recording.tensors();
    const auto small = tensors.at("sinusoidal.d64");
    CHECK(difference(sinusoidal_rows(64, 2, small.size(0) - 2), small.slice(0, 2), 1e-5) == "");
    const auto rows = tensors.at("sinusoidal.rows");
    for (std::int64_t i = 0; i < rows.numel(); ++i) {
      const auto row = rows[i].item<std::int64_t>();
      if (row < 2) continue;  // the padding row and the one before it: no position
      INFO("row " << row);
      CHECK(difference(sinusoidal_rows(1024, row, 1)[0], tensors.at("sinusoidal.d1024.rows")[i],
                       row <= 130 ? 1e-5 : 2e-3) == "");
    }
    const auto bucket_N = tensors.at("t5.bucket_of_distance");
    const auto t5 = make_position(T5Options{}, {64, 1, 64, 8});
    const auto table = t5->parameters().front().tensor;  // [buckets, heads]
    {
      const at::NoGradGuard no_gradient;
      table.copy_(at::arange(table.size(0)).unsqueeze(1));
    }
    const auto bias_HN = std::get<DistanceBias>(t5->score_bias(bucket_N.numel())).bias_HN;
    CHECK(bias_HN[0].slice(0, 0, bucket_N.numel()).to(at::kLong).equal(bucket_N));
    // A pair (1, 0) is turned into (cos, sin).
    const auto cos_TK = tensors.at("rotary.neox.cos"), sin_TK = tensors.at("rotary.neox.sin");
    const std::int64_t T = cos_TK.size(0), K = cos_TK.size(1);
    const auto rotary =
        make_position(RotaryOptions{.pairing = RotaryPairing::HalfSplit}, {K, 1, K, 8});
    auto x = at::zeros({1, T, 1, K});
    x.narrow(-1, 0, K / 2).fill_(1.0);
    const auto turned = testing::rotated(*rotary, {x, x}, {0, T}).q_BTHK[0].squeeze(1);
    CHECK(difference(turned.narrow(1, 0, K / 2), cos_TK.narrow(1, 0, K / 2), 1e-6) == "");
    CHECK(difference(turned.narrow(1, K / 2, K / 2), sin_TK.narrow(1, 0, K / 2), 1e-6) == "");
  }
}

// Six deviations of the difference of two estimates from n numbers each.
void check_moments(const at::Tensor& ours, const Json& recorded) {
  const auto values = ours.detach().to(at::kDouble).flatten();
  const auto n = static_cast<double>(values.numel());
  const double std_recorded = recorded.at("std");
  const double kurtosis = std_recorded > 0.0 ? recorded.at("kurtosis").get<double>() : 3.0;
  const double mean = values.mean().item<double>();
  const double deviation = values.numel() > 1 ? values.std().item<double>() : 0.0;
  CHECK(std::abs(mean - recorded.at("mean").get<double>()) <=
        6.0 * std_recorded * std::sqrt(2.0 / n) + 1e-12);
  CHECK(std::abs(deviation - std_recorded) <=
        6.0 * std_recorded * std::sqrt(2.0 * std::max(kurtosis - 1.0, 0.0) / (4.0 * n)) + 1e-12);
  if (kurtosis > 2.3 || std_recorded == 0.0) return;  // normal or constant
  // The extremes of n uniform numbers lie within a few bound / n of the bound.
  const double bound = std_recorded * std::sqrt(3.0);
  const double slack = bound * (6.0 * std::sqrt(0.8 / (2.0 * n)) + 20.0 / n);
  CHECK(std::abs(values.max().item<double>() - recorded.at("max").get<double>()) <= slack);
  CHECK(std::abs(values.min().item<double>() - recorded.at("min").get<double>()) <= slack);
}

// Statistics of the large model are pooled over its layers.
const Json* statistics_of(const Json& recorded, std::string name) {
  if (const auto found = recorded.find(name); found != recorded.end()) return &*found;
  if (name.starts_with("layers.0.")) name.replace(0, 9, "layers.*.");
  const auto pooled = recorded.find(name);
  return pooled == recorded.end() ? nullptr : &*pooled;
}

void check_start(Json recorded, bool one_layer) {
  if (one_layer) recorded["model"]["layers"] = 1;
  const auto document =
      config::Document::from_text(testing::model_yaml(recorded.at("model")), "recorded.yaml");
  const ModelConfig config = read_model_config(document.root().section("model"));
  const auto position = read_position_config(document.root().section("position"));
  Transformer model(config,
                    position.make({config.d_model, config.num_heads, config.head_dim(), 64}),
                    recorded.at("model").at("vocab").get<std::int64_t>());
  if (!one_layer) CHECK(model.num_parameters() == recorded.at("n_params").get<std::int64_t>());
  model.initialize(1);
  for (const auto& parameter : model.parameters()) {
    INFO(parameter.name);
    const Json* statistics = statistics_of(recorded.at("tensors"), parameter.name);
    REQUIRE(statistics != nullptr);
    check_moments(parameter.tensor, *statistics);
    if (parameter.tensor.dim() != 2) continue;
    const auto zero_N = parameter.tensor.detach().abs().sum(1).eq(0).nonzero().squeeze(1);
    const std::vector<std::int64_t> rows(zero_N.const_data_ptr<std::int64_t>(),
                                         zero_N.const_data_ptr<std::int64_t>() + zero_N.numel());
    CHECK(Json(rows) == statistics->at("zero_rows"));
  }
}

// The first eight recorded values of each tensor, as the original's code and generator drew them.
void check_original_start(const Json& recorded) {
  const auto start =
      testing::original_start(recorded.at("model"), recorded.at("torch_seed").get<std::uint64_t>());
  CHECK(start.size() == recorded.at("tensors").size());
  for (const auto& [name, tensor] : start) {
    INFO(name);
    const std::vector<double> first = recorded.at("tensors").at(name).at("first8");
    const auto count = static_cast<std::int64_t>(first.size());
    CHECK(
        tensor.flatten().narrow(0, 0, count).to(at::kDouble).equal(at::tensor(first, at::kDouble)));
  }
}

TEST_CASE("golden: init_stats") {
  for (const auto& recording : testing::recordings_of("init_stats")) {
    check_start(recording.manifest.at("tiny"), false);
    check_original_start(recording.manifest.at("tiny"));
    check_start(recording.manifest.at("tiny_tied"), false);
    check_start(recording.manifest.at("full"), true);  // its layers are drawn alike
  }
}

}  // namespace
}  // namespace longspan
