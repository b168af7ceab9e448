// What a model begins with: slopes and start values.

#include <algorithm>
#include <cmath>

#include "golden/original_start.h"
#include "golden/recording.h"
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

// Pooled statistics have a star for the number of the layer.
const Json* statistics_of(const Json& recorded, std::string name) {
  if (const auto found = recorded.find(name); found != recorded.end()) return &*found;
  if (name.starts_with("layers.0.")) name.replace(0, 9, "layers.*.");
  const auto pooled = recorded.find(name);
  return pooled == recorded.end() ? nullptr : &*pooled;
}

// Statistics of a large model stand for all layers, which are drawn alike.
bool is_pooled(const Json& recorded) {
  const auto items = recorded.at("tensors").items();
  return std::any_of(items.begin(), items.end(),
                     [](const auto& item) { return item.key().starts_with("layers.*."); });
}

void check_start(Json recorded) {
  const bool one_layer = is_pooled(recorded);
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

// Whether the original's generator can be followed: it is written down for adaptive models.
bool has_original_start(const Json& recorded) {
  return recorded.contains("torch_seed") && !is_pooled(recorded) &&
         recorded.at("model").at("head") == "adaptive";
}

// Returns the recorded models, whatever their names and sizes.
std::vector<std::string> models_of(const Json& manifest) {
  std::vector<std::string> names;
  for (const auto& [name, value] : manifest.items())
    if (value.is_object() && value.contains("model") && value.contains("tensors"))
      names.push_back(name);
  return names;
}

TEST_CASE("golden: init_stats") {
  for (const auto& recording : testing::recordings_of("init_stats")) {
    const auto models = models_of(recording.manifest);
    INFO(recording.folder << " must hold a model with its tensors' statistics");
    REQUIRE_FALSE(models.empty());
    for (const auto& name : models) {
      INFO(name);
      const Json& recorded = recording.manifest.at(name);
      check_start(recorded);
      if (has_original_start(recorded)) check_original_start(recorded);
    }
  }
}

// The recording of this repository under other names, and a part of it.
TEST_CASE("golden: start values are read whatever the models are called") {
  const auto recordings = testing::recordings_of("init_stats");
  const Json& manifest = recordings.front().manifest;
  const auto names = models_of(manifest);
  CHECK(names == std::vector<std::string>{"tiny", "tiny_tied", "full"});
  CHECK(is_pooled(manifest.at("full")));
  CHECK_FALSE(has_original_start(manifest.at("full")));
  CHECK(has_original_start(manifest.at("tiny")));
  CHECK_FALSE(has_original_start(manifest.at("tiny_tied")));
  CHECK(models_of({{"narrow", manifest.at("tiny")}, {"kind", "init_stats"}}) ==
        std::vector<std::string>{"narrow"});
  CHECK(models_of({{"kind", "init_stats"}, {"versions", {{"torch", "1.8.1"}}}}).empty());
}

}  // namespace
}  // namespace longspan
