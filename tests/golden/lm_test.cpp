// One batch through recorded models: hidden states, features, log-probabilities, loss, gradients.

#include <algorithm>
#include <cmath>

#include "golden/recording.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;

constexpr std::int64_t kPad = 1;
constexpr double kFeatureLimit = 5e-5, kLossLimit = 2e-6, kGradientLimit = 5e-4;

using Tensors = std::map<std::string, at::Tensor>;

// Rows that are not padding.
at::Tensor real_rows(const at::Tensor& target_ids_BT, const at::Tensor& x_BTD) {
  const auto place_N = target_ids_BT.flatten().ne(kPad).nonzero().squeeze(1);
  return x_BTD.flatten(0, 1).index_select(0, place_N);
}

void check_hidden_states(const Json& manifest, const Tensors& tensors) {
  const auto layers = manifest.at("model").at("layers").get<std::int64_t>();
  const at::NoGradGuard no_gradient;
  for (std::int64_t i = 0; i <= layers; ++i) {
    INFO("hidden state " << i);
    const auto model = testing::recorded_model(manifest.at("model"), tensors, "param.", i);
    const auto hidden = model.features(tensors.at("input.ids"), {});
    CHECK(difference(
              real_rows(tensors.at("target.ids"), hidden),
              real_rows(tensors.at("target.ids"), tensors.at("out.hidden." + std::to_string(i))),
              kFeatureLimit) == "");
  }
}

void check_gradients(const Json& manifest, const Tensors& tensors, const Transformer& model) {
  const double floor = 1e-3 * manifest.at("noise").at("grad_max_abs").get<double>();
  for (const auto& parameter : model.parameters()) {
    INFO("gradient of " << parameter.name);
    const auto expected = tensors.at("grad." + parameter.name);
    REQUIRE(parameter.tensor.grad().defined());
    const double size = std::max(floor, expected.abs().max().item<double>());
    CHECK(difference(parameter.tensor.grad(), expected, kGradientLimit * size) == "");
  }
}

void check_log_probabilities(const Tensors& tensors, const Transformer& model,
                             const at::Tensor& features_BTD) {
  const auto targets_BT = tensors.at("target.ids");
  const auto place_N = targets_BT.flatten().ne(kPad).nonzero().squeeze(1);
  const auto log_p = model.target_log_probabilities(real_rows(targets_BT, features_BTD),
                                                    targets_BT.flatten().index_select(0, place_N));
  CHECK(difference(log_p, tensors.at("out.logprob").flatten().index_select(0, place_N),
                   kFeatureLimit) == "");
  const auto all = model.log_probabilities(features_BTD[0]);
  const auto row = targets_BT[0].ne(kPad).nonzero().squeeze(1);
  CHECK(difference(all.index_select(0, row),
                   tensors.at("out.full_logprob_row0").index_select(0, row), kFeatureLimit) == "");
}

TEST_CASE("golden: lm") {
  for (const auto& recording : testing::recordings_of("lm")) {
    INFO(recording.name);
    const auto tensors = recording.tensors();
    const auto model = testing::recorded_model(recording.manifest.at("model"), tensors, "param.");
    CHECK(model.num_parameters() == recording.manifest.at("n_params").get<std::int64_t>());
    const auto features = model.features(tensors.at("input.ids"), {});
    const auto targets = tensors.at("target.ids");
    CHECK(difference(real_rows(targets, features), real_rows(targets, tensors.at("out.features")),
                     kFeatureLimit) == "");
    const auto loss = model.loss_sum(features, targets.masked_fill(targets.eq(kPad), -1), {});
    const auto expected = recording.manifest.at("loss_sum_nats_f64").get<double>();
    CHECK(std::abs(loss.item<double>() - expected) <= kLossLimit * expected);
    loss.backward();
    check_gradients(recording.manifest, tensors, model);
    check_log_probabilities(tensors, model, features.detach());
    check_hidden_states(recording.manifest, tensors);
  }
}

}  // namespace
}  // namespace longspan
