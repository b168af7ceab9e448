// Each error of the model section names its key.

#include "longspan/model/config.h"

#include "longspan/core/error.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

const std::string kBase = "num_layers: 2, d_model: 12, num_heads: 3, ffn_dim: 20";

ModelConfig read(const std::string& keys) {
  return read_model_config(
      config::Document::from_text("model: {" + keys + "}", "test.yaml").root().section("model"));
}

std::string error_of(const std::string& keys) {
  try {
    read(keys);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "no error";
}

TEST_CASE("defaults") {
  const auto config = read(kBase);
  CHECK(config.num_kv_heads == 3);
  CHECK(config.final_norm);
  CHECK(config.embedding.kind == EmbeddingKind::Plain);
  CHECK_FALSE(read(kBase + ", norm_placement: post").final_norm);
  CHECK(read(kBase + ", init: {from: weights.safetensors}").init == InitScheme::From);
}

TEST_CASE("heads of a width of their own, biases of attention apart, a bound, a norm") {
  const auto plain = read(kBase);
  CHECK(plain.head_dim() == 4);
  CHECK(plain.heads_dim() == 12);
  CHECK(plain.has_attention_bias());
  CHECK(plain.clip_qkv == 0.0);
  CHECK_FALSE(plain.embedding.norm);
  const auto wide = read("num_layers: 2, d_model: 13, num_heads: 3, head_dim: 6, ffn_dim: 20");
  CHECK(wide.head_dim() == 6);
  CHECK(wide.heads_dim() == 18);
  CHECK_FALSE(read(kBase + ", bias: false").has_attention_bias());
  CHECK(read(kBase + ", bias: false, attention_bias: true").has_attention_bias());
  CHECK_FALSE(read(kBase + ", attention_bias: false").has_attention_bias());
  CHECK(read(kBase + ", clip_qkv: 6").clip_qkv == 6.0);
  CHECK(read(kBase + ", embedding: {norm: true}").embedding.norm);
}

TEST_CASE("every mistake is one line with the key's path") {
  CHECK_THAT(error_of("num_layers: 2, d_model: 13, num_heads: 3, ffn_dim: 20"),
             ContainsSubstring("test.yaml:1:") &&
                 ContainsSubstring("model.num_heads must divide model.d_model (13), got 3"));
  CHECK_THAT(error_of("num_layers: 2, d_model: 13, num_heads: 3, ffn_dim: 20"),
             ContainsSubstring("; or set model.head_dim"));
  CHECK_THAT(error_of(kBase + ", clip_qkv: -1"), ContainsSubstring("model.clip_qkv"));
  CHECK_THAT(error_of(kBase + ", head_dim: -4"), ContainsSubstring("model.head_dim"));
  CHECK_THAT(error_of(kBase + ", num_kv_heads: 2"),
             ContainsSubstring("model.num_kv_heads must divide"));
  CHECK_THAT(error_of("d_model: 12, num_heads: 3, ffn_dim: 20"),
             ContainsSubstring("model.num_layers"));
  CHECK_THAT(error_of(kBase + ", activation: tanh"), ContainsSubstring("model.activation"));
  CHECK_THAT(error_of(kBase + ", nun_kv_heads: 3"), ContainsSubstring("num_kv_heads"));
  CHECK_THAT(error_of(kBase + ", dropout: {residual: 1.0}"),
             ContainsSubstring("model.dropout.residual"));
  CHECK_THAT(error_of(kBase + ", dropout: {tail: 0.1}"),
             ContainsSubstring("model.dropout.tail has no effect"));
  CHECK_THAT(error_of(kBase + ", embedding: {kind: adaptive, cutoffs: [9, 5]}"),
             ContainsSubstring("model.embedding.cutoffs"));
  CHECK_THAT(error_of(kBase + ", embedding: {cutoffs: [5]}"),
             ContainsSubstring("model.embedding.cutoffs"));
}

}  // namespace
}  // namespace longspan
