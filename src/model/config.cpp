// Reads the model section and checks what its keys demand of each other.

#include "longspan/model/config.h"

#include <algorithm>
#include <array>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::int64_t kMaxSize = 1 << 24, kMaxHeadDim = 4096;

using config::Choice;
constexpr std::array kEmbeddingKinds{Choice{"plain", EmbeddingKind::Plain},
                                     Choice{"adaptive", EmbeddingKind::Adaptive}};
constexpr std::array kActivations{
    Choice{"relu", Activation::Relu}, Choice{"gelu", Activation::Gelu},
    Choice{"gelu_tanh", Activation::GeluTanh}, Choice{"swiglu", Activation::Swiglu}};
constexpr std::array kNorms{Choice{"layernorm", NormKind::LayerNorm},
                            Choice{"rmsnorm", NormKind::RmsNorm}};
constexpr std::array kNormPlacements{Choice{"pre", NormPlacement::Pre},
                                     Choice{"post", NormPlacement::Post}};
// A third way, a map with the key `from`, has no name.
constexpr std::array kInitSchemes{Choice{"fairseq", InitScheme::Fairseq},
                                  Choice{"gpt2", InitScheme::Gpt2}};
constexpr std::array kDialects{Choice{"none", Dialect::None}, Choice{"fairseq", Dialect::Fairseq}};

EmbeddingConfig read_embedding(const config::Reader& reader) {
  EmbeddingConfig result;
  result.kind = config::choice(reader, "kind", kEmbeddingKinds, result.kind);
  result.tie = reader.boolean("tie", result.tie);
  result.scale = reader.boolean("scale", result.scale);
  result.norm = reader.boolean("norm", result.norm);
  if (result.kind == EmbeddingKind::Adaptive) {
    result.cutoffs = reader.integers("cutoffs", {.low = 2, .high = 1 << 30});
    result.factor = reader.integer("factor", {.low = 1, .high = 1024}, result.factor);
    check(!result.cutoffs.empty() && std::is_sorted(result.cutoffs.begin(), result.cutoffs.end()) &&
              std::adjacent_find(result.cutoffs.begin(), result.cutoffs.end()) ==
                  result.cutoffs.end(),
          ErrorKind::Config, reader.place("cutoffs"), " must be increasing ids, at least one");
  }
  reader.finish();
  return result;
}

DropoutConfig read_dropout(const config::Reader& reader) {
  const auto probability = [&](std::string_view key) {
    return reader.number(key, {.low = 0.0, .high = 0.99}, 0.0);
  };
  DropoutConfig result{probability("embedding"),  probability("residual"), probability("attention"),
                       probability("activation"), probability("head"),     probability("tail")};
  reader.finish();
  return result;
}

void read_init(const config::Reader& reader, ModelConfig& result) {
  if (reader.shape("init") != "map") {
    result.init = config::choice(reader, "init", kInitSchemes, result.init);
    return;
  }
  const auto section = reader.section("init");
  result.init = InitScheme::From;
  result.init_from = section.path("from");
  section.finish();
}

void check_together(const config::Reader& reader, const ModelConfig& model) {
  check(model.set_head_dim > 0 || model.d_model % model.num_heads == 0, ErrorKind::Config,
        reader.place("num_heads"), " must divide model.d_model (", model.d_model, "), got ",
        model.num_heads, "; or set model.head_dim");
  check(model.num_heads % model.num_kv_heads == 0, ErrorKind::Config, reader.place("num_kv_heads"),
        " must divide model.num_heads (", model.num_heads, "), got ", model.num_kv_heads);
  check(!model.parallel_residual || model.norm_placement == NormPlacement::Pre, ErrorKind::Config,
        reader.place("parallel_residual"), " must be false with norm_placement post, got true");
  check(model.embedding.kind == EmbeddingKind::Adaptive || model.dropout.tail == 0.0,
        ErrorKind::Config, reader.place("dropout"),
        ".tail has no effect with a plain embedding; remove it or set model.embedding.kind to "
        "adaptive");
}

}  // namespace

ModelConfig read_model_config(const config::Reader& reader) {
  ModelConfig result;
  result.num_layers = reader.integer("num_layers", {.low = 1, .high = 4096});
  result.d_model = reader.integer("d_model", {.low = 1, .high = kMaxSize});
  result.num_heads = reader.integer("num_heads", {.low = 1, .high = 4096});
  result.num_kv_heads = reader.integer("num_kv_heads", {.low = 1, .high = 4096}, result.num_heads);
  result.set_head_dim = reader.integer("head_dim", {.low = 0, .high = kMaxHeadDim}, 0);
  result.ffn_dim = reader.integer("ffn_dim", {.low = 1, .high = kMaxSize});
  result.activation = config::choice(reader, "activation", kActivations, result.activation);
  result.norm = config::choice(reader, "norm", kNorms, result.norm);
  result.norm_eps = reader.number("norm_eps", {.high = 1.0, .above = 0.0}, result.norm_eps);
  result.norm_placement =
      config::choice(reader, "norm_placement", kNormPlacements, result.norm_placement);
  result.final_norm = reader.boolean("final_norm", result.norm_placement == NormPlacement::Pre);
  result.parallel_residual = reader.boolean("parallel_residual", result.parallel_residual);
  result.bias = reader.boolean("bias", result.bias);
  result.attention_bias = reader.boolean("attention_bias", result.bias);
  result.clip_qkv = reader.number("clip_qkv", {.low = 0.0, .high = 1e6}, result.clip_qkv);
  read_init(reader, result);
  result.dialect = config::choice(reader, "dialect", kDialects, result.dialect);
  result.embedding = read_embedding(reader.section("embedding"));
  result.dropout = read_dropout(reader.section("dropout"));
  check_together(reader, result);
  reader.finish();
  return result;
}

}  // namespace longspan
