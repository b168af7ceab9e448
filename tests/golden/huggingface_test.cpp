// Models of other projects: equal logits.

#include <cmath>

#include "golden/recording.h"
#include "longspan/interop/portable_model.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr double kLogitLimit = 2e-4, kLossLimit = 1e-5;

TEST_CASE("golden: hf") {
  for (const auto& recording : testing::recordings_of("hf")) {
    INFO(recording.name);
    const auto tensors = recording.tensors();
    const auto imported = import_huggingface(recording.folder / "model");
    const auto document = config::Document::from_text(imported.config_yaml, "imported.yaml");
    const ModelConfig config = read_model_config(document.root().section("model"));
    const auto position = read_position_config(document.root().section("position"));
    Transformer model(
        config,
        position.make({config.d_model, config.num_heads, config.head_dim(), imported.seq_len}),
        imported.vocab_size);
    model.load_parameters(imported.parameters);
    CHECK(model.num_parameters() == recording.manifest.at("n_params").get<std::int64_t>());
    const auto ids_BT = tensors.at("input.ids");
    const auto features_ND = model.features(ids_BT, {}).detach().flatten(0, 1);
    const auto log_p = model.log_probabilities(features_ND);
    const auto expected = tensors.at("out.logits").flatten(0, 1).log_softmax(-1);
    CHECK(testing::difference(log_p, expected, kLogitLimit) == "");
    const std::int64_t T = ids_BT.size(1);
    const auto loss = log_p.view({ids_BT.size(0), T, -1})
                          .narrow(1, 0, T - 1)
                          .gather(2, ids_BT.narrow(1, 1, T - 1).unsqueeze(2))
                          .neg()
                          .mean()
                          .item<double>();
    CHECK(std::abs(loss - recording.manifest.at("loss").get<double>()) <= kLossLimit * loss);
  }
}

}  // namespace
}  // namespace longspan
