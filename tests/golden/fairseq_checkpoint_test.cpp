// Checkpoints that the original code wrote, in each of its layouts: the parameters they hold and
// the scores they give.

#include <map>

#include "golden/recording.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/interop/portable_model.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr double kScoreLimit = 5e-5;

using Tensors = std::map<std::string, at::Tensor>;

Transformer model_of(const PortableModel& imported, std::int64_t seq_len) {
  const auto document = config::Document::from_text(imported.config_yaml, "imported.yaml");
  const ModelConfig config = read_model_config(document.root().section("model"));
  const auto position = read_position_config(document.root().section("position"));
  Transformer model(config,
                    position.make({config.d_model, config.num_heads, config.head_dim(), seq_len}),
                    imported.vocab_size);
  model.load_parameters(imported.parameters);
  return model;
}

// The recorded parameters are those of fp32; the others were rounded to half.
void check_parameters(const PortableModel& imported, const Tensors& tensors, bool half) {
  std::size_t num_recorded = 0;
  for (const auto& [name, tensor] : tensors) num_recorded += name.starts_with("param.") ? 1 : 0;
  CHECK(imported.parameters.size() == num_recorded);
  for (const auto& parameter : imported.parameters) {
    INFO(parameter.name);
    REQUIRE(tensors.contains("param." + parameter.name));
    const at::Tensor recorded = tensors.at("param." + parameter.name);
    CHECK(parameter.tensor.equal(half ? recorded.to(at::kHalf).to(at::kFloat) : recorded));
  }
}

const std::map<std::string, Activation> kActivations{
    {"relu", Activation::Relu}, {"gelu", Activation::Gelu}, {"gelu_tanh", Activation::GeluTanh}};
const std::map<std::string, NormPlacement> kNormPlacements{{"pre", NormPlacement::Pre},
                                                           {"post", NormPlacement::Post}};

void check_configuration(const Transformer& model, const Json& recorded) {
  const ModelConfig& config = model.config();
  CHECK(model.vocab_size() == recorded.at("vocab").get<std::int64_t>());
  CHECK(config.num_layers == recorded.at("layers").get<std::int64_t>());
  CHECK(config.num_heads == recorded.at("heads").get<std::int64_t>());
  CHECK(config.ffn_dim == recorded.at("ffn").get<std::int64_t>());
  CHECK(config.activation == kActivations.at(recorded.at("activation")));
  CHECK(config.norm_placement == kNormPlacements.at(recorded.at("norm")));
  CHECK(config.final_norm == recorded.at("final_norm").get<bool>());
  CHECK(config.embedding.cutoffs == recorded.at("cutoffs").get<std::vector<std::int64_t>>());
  CHECK(config.embedding.factor == recorded.at("factor").get<std::int64_t>());
}

void check_scores(const Transformer& model, const Tensors& tensors, const Json& run) {
  const std::int64_t length = run.at("L"), stride = run.at("stride");
  INFO("length " << length << ", stride " << stride);
  EvaluationOptions options;
  options.train_length = length;
  const auto scores = score_targets(model, testing::recorded_text(tensors.at("stream.ids")), length,
                                    {stride == length ? 0 : stride}, options);
  CHECK(testing::difference(at::tensor(scores, at::kDouble), tensors.at(run.at("tensor")),
                            kScoreLimit) == "");
}

TEST_CASE("golden: fairseq_checkpoint") {
  for (const auto& recording : testing::recordings_of("fairseq_checkpoint")) {
    INFO(recording.name);
    const Tensors tensors = recording.tensors();
    const Json& recorded = recording.manifest.at("model");
    for (const auto& file : recording.manifest.at("files")) {
      INFO(file.at("file"));
      const auto imported =
          import_fairseq(recording.folder / file.at("file").get<std::string>(),
                         "{kind: " + recorded.at("method").get<std::string>() + "}");
      const std::string weights = file.at("scores");
      check_parameters(imported, tensors, weights == "fp16");
      CHECK(imported.seq_len ==
            recording.manifest.at("model_config_keys").at("tokens_per_sample").get<std::int64_t>());
      const Transformer model = model_of(imported, imported.seq_len);
      check_configuration(model, recorded);
      for (const auto& run : recording.manifest.at("runs"))
        if (run.at("weights") == weights) check_scores(model, tensors, run);
    }
  }
}

}  // namespace
}  // namespace longspan
