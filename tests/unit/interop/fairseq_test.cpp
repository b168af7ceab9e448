// fairseq's checkpoints: what decides the configuration, and what is refused by name. Whole models
// are compared with recordings in tests/golden.

#include "longspan/config/reader.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/interop/portable_model.h"
#include "longspan/model/transformer.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "unit/interop/fairseq_writer.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::FairseqCheckpoint;

PortableModel import_bytes(const std::string& bytes, const std::string& position) {
  const testing::TemporaryFolder folder;
  write_file_durably(folder.path() / "model.pt", bytes);
  return import_fairseq(folder.path() / "model.pt", position);
}

PortableModel import_it(const FairseqCheckpoint& checkpoint,
                        const std::string& position = "{kind: alibi}") {
  return import_bytes(checkpoint.bytes(), position);
}

std::string refusal(const FairseqCheckpoint& checkpoint,
                    const std::string& position = "{kind: alibi}",
                    ErrorKind kind = ErrorKind::Data) {
  try {
    import_it(checkpoint, position);
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    return error.what();
  }
  return "nothing was refused";
}

// Loading checks that the configuration and the tensors fit each other.
ModelConfig load(const PortableModel& imported) {
  const auto document = config::Document::from_text(imported.config_yaml, "imported.yaml");
  const ModelConfig config = read_model_config(document.root().section("model"));
  const auto position = read_position_config(document.root().section("position"));
  Transformer model(config,
                    position.make({config.d_model, config.num_heads, config.head_dim(), 16}),
                    imported.vocab_size);
  model.load_parameters(imported.parameters);
  return config;
}

at::Tensor parameter(const PortableModel& imported, const std::string& name) {
  for (const auto& one : imported.parameters)
    if (one.name == name) return one.tensor;
  FAIL("no parameter " << name);
  return {};
}

TEST_CASE("fairseq: a post-norm model with one tied matrix") {
  const PortableModel imported = import_it({});
  CHECK(imported.vocab_size == 10);
  CHECK(imported.seq_len == 16);
  const ModelConfig config = load(imported);
  CHECK(config.num_layers == 2);
  CHECK(config.d_model == 4);
  CHECK(config.ffn_dim == 6);
  CHECK(config.num_heads == 2);
  CHECK(config.activation == Activation::GeluTanh);
  CHECK(config.norm_placement == NormPlacement::Post);
  CHECK_FALSE(config.final_norm);
  CHECK(config.bias);
  CHECK(config.dialect == Dialect::Fairseq);
  CHECK(config.embedding.kind == EmbeddingKind::Plain);
  CHECK(config.embedding.tie);
  CHECK(config.embedding.scale);
  CHECK(config.dropout.embedding == 0.25);
  CHECK(config.dropout.residual == 0.25);
  CHECK(config.dropout.attention == 0.0);
  CHECK(parameter(imported, "layers.1.ffn.fc2.weight")[1][2].item<float>() ==
        FairseqCheckpoint::value_of("layers.1.fc2.weight", 8));
}

TEST_CASE("fairseq: options and tensors that change the configuration") {
  FairseqCheckpoint checkpoint;
  checkpoint.options["decoder_normalize_before"] = testing::boolean(1);
  checkpoint.options["no_scale_embedding"] = testing::boolean(1);
  checkpoint.options["share_decoder_input_output_embed"] = testing::boolean(0);
  checkpoint.options.erase("activation_fn");
  checkpoint.same.clear();
  checkpoint.add_norm("layer_norm");
  const PortableModel imported = import_it(checkpoint, "sinusoidal");
  const ModelConfig config = load(imported);
  CHECK(config.norm_placement == NormPlacement::Pre);
  CHECK(config.final_norm);
  CHECK(config.activation == Activation::Relu);
  CHECK_FALSE(config.embedding.tie);
  CHECK_FALSE(config.embedding.scale);
  CHECK(parameter(imported, "head.weight")[0][0].item<float>() ==
        FairseqCheckpoint::value_of("output_projection.weight", 0));
  CHECK_THAT(imported.config_yaml, ContainsSubstring("position: {kind: sinusoidal}"));
}

TEST_CASE("fairseq: the position section in block form") {
  const PortableModel imported = import_it({}, "kind: alibi\nform: absolute");
  CHECK_THAT(imported.config_yaml,
             ContainsSubstring("position:\n  kind: alibi\n  form: absolute\n"));
}

TEST_CASE("fairseq: a tied head that is not stored") {
  FairseqCheckpoint checkpoint;
  checkpoint.shapes.erase("output_projection.weight");
  CHECK(load(import_it(checkpoint)).embedding.tie);
}

TEST_CASE("fairseq: packed projections are q, k and v") {
  FairseqCheckpoint checkpoint;
  for (const std::string part : {"q", "k", "v"})
    for (const std::string kind : {"weight", "bias"})
      checkpoint.shapes.erase("layers.0.self_attn." + part + "_proj." + kind);
  checkpoint.shapes["layers.0.self_attn.in_proj_weight"] = {12, 4};
  checkpoint.shapes["layers.0.self_attn.in_proj_bias"] = {12};
  const PortableModel imported = import_it(checkpoint);
  load(imported);
  const auto value = [](std::int64_t i) {
    return FairseqCheckpoint::value_of("layers.0.self_attn.in_proj_weight", i);
  };
  CHECK(parameter(imported, "layers.0.attn.q.weight")[0][0].item<float>() == value(0));
  CHECK(parameter(imported, "layers.0.attn.k.weight")[0][1].item<float>() == value(17));
  CHECK(parameter(imported, "layers.0.attn.v.weight")[3][3].item<float>() == value(47));
  CHECK(parameter(imported, "layers.0.attn.v.bias")[0].item<float>() ==
        FairseqCheckpoint::value_of("layers.0.self_attn.in_proj_bias", 8));
}

TEST_CASE("fairseq: bands give cutoffs and factor; copies must be equal") {
  FairseqCheckpoint checkpoint;
  for (const char* name : {"embed_tokens.weight", "output_projection.weight"})
    checkpoint.shapes.erase(name);
  const std::string band = "embed_tokens.embeddings.", softmax = "adaptive_softmax.";
  checkpoint.shapes[band + "0.0.weight"] = {3, 4};
  checkpoint.shapes[band + "0.1.weight"] = {4, 4};
  checkpoint.shapes[band + "1.0.weight"] = {5, 2};
  checkpoint.shapes[band + "1.1.weight"] = {4, 2};
  checkpoint.shapes[softmax + "head.word_proj.weight"] = {3, 4};
  checkpoint.shapes[softmax + "head.class_proj.weight"] = {1, 4};
  checkpoint.shapes[softmax + "tail.0.0.weight"] = {4, 2};
  checkpoint.shapes[softmax + "tail.0.2.weight"] = {5, 2};
  checkpoint.same = {{softmax + "head.word_proj.weight", band + "0.0.weight"},
                     {softmax + "tail.0.0.weight", band + "1.1.weight"},
                     {softmax + "tail.0.2.weight", band + "1.0.weight"}};
  const PortableModel imported = import_it(checkpoint);
  const ModelConfig config = load(imported);
  CHECK(config.embedding.cutoffs == std::vector<std::int64_t>{3});
  CHECK(config.embedding.factor == 2);
  CHECK(imported.vocab_size == 8);
  for (const std::string name : {"head.word_proj", "tail.0.0", "tail.0.2"}) {
    FairseqCheckpoint untied = checkpoint;
    untied.same.erase(softmax + name + ".weight");
    CHECK_THAT(refusal(untied),
               ContainsSubstring("decoder." + softmax + name + ".weight must equal the tensor"));
  }
}

TEST_CASE("fairseq: what our model has not is refused by name") {
  const auto with_option = [](const std::string& key, const std::string& value) {
    FairseqCheckpoint checkpoint;
    checkpoint.options[key] = value;
    return refusal(checkpoint);
  };
  CHECK_THAT(
      with_option("activation_fn", testing::text("swish")),
      ContainsSubstring("option activation_fn must be relu, gelu") && ContainsSubstring("'swish'"));
  CHECK_THAT(with_option("decoder_learned_pos", testing::boolean(1)),
             ContainsSubstring("option decoder_learned_pos must be off"));
  CHECK_THAT(with_option("decoder_attention_heads", testing::integer(3)),
             ContainsSubstring("decoder_attention_heads must divide"));
  CHECK_THAT(
      with_option("decoder_attention_heads", testing::integer(0)),
      ContainsSubstring("decoder_attention_heads must be a positive integer below 2^31, got 0"));
  CHECK_THAT(with_option("tokens_per_sample", testing::integer(std::int64_t{1} << 62)),
             ContainsSubstring("tokens_per_sample must be a positive integer below 2^31, got 46"));
  CHECK_THAT(with_option("decoder_attention_heads", "N"), ContainsSubstring("got none"));
  CHECK_THAT(with_option("dropout", testing::integer(2)),
             ContainsSubstring("option dropout must be a probability"));
  CHECK_THAT(with_option("no_scale_embedding", testing::text("no")),
             ContainsSubstring("option no_scale_embedding must be True or False, got 'no'"));
  FairseqCheckpoint extra;
  extra.shapes["layers.0.encoder_attn.q_proj.weight"] = {4, 4};
  CHECK_THAT(refusal(extra), ContainsSubstring("got decoder.layers.0.encoder_attn.q_proj.weight"));
  FairseqCheckpoint gap;
  gap.shapes.erase("layers.0.fc1.weight");
  CHECK_THAT(refusal(gap), ContainsSubstring("at least one layer"));
  FairseqCheckpoint missing;
  missing.shapes.erase("layers.1.fc2.bias");
  CHECK_THAT(refusal(missing), ContainsSubstring("must hold a tensor decoder.layers.1.fc2.bias"));
  FairseqCheckpoint misshapen;
  misshapen.shapes["layers.1.fc1.weight"] = {7, 4};
  CHECK_THAT(refusal(misshapen), ContainsSubstring("decoder.layers.1.fc1.weight must be a tensor"));
  FairseqCheckpoint untied;
  untied.same.clear();
  CHECK_THAT(refusal(untied), ContainsSubstring("decoder.output_projection.weight must equal"));
}

TEST_CASE("fairseq: a position method that the checkpoint cannot have is refused") {
  FairseqCheckpoint checkpoint;
  CHECK_THAT(refusal(checkpoint, "{kind: t5}"), ContainsSubstring("it has none for t5"));
  CHECK_THAT(refusal(checkpoint, "{kind: alibbi}", ErrorKind::Config), ContainsSubstring("alibi"));
  CHECK_THAT(refusal(checkpoint, "{kind: alibi", ErrorKind::Config),
             ContainsSubstring("the imported configuration"));
  checkpoint.options["no_token_positional_embeddings"] = testing::boolean(1);
  CHECK_THAT(refusal(checkpoint, "sinusoidal"),
             ContainsSubstring("no_token_positional_embeddings must be False"));
}

TEST_CASE("fairseq: a file of another kind is refused") {
  using namespace testing;
  const auto says = [](const std::string& object) {
    try {
      import_bytes(zip_file(object, {}), "alibi");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(says("N"), ContainsSubstring("must be a fairseq checkpoint"));
  CHECK_THAT(says(dict(text("model") + "N")), ContainsSubstring("must be a fairseq checkpoint"));
  CHECK_THAT(says(dict(text("model") + "}")), ContainsSubstring("under cfg.model or args"));
  CHECK_THAT(says(dict(text("model") + dict("K\1N"))), ContainsSubstring("must be a text, got 1"));
}

}  // namespace
}  // namespace longspan
