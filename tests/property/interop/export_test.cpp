// A model that goes out and comes back is the same: its weights, its configuration and its logits,
// bit for bit.

#include <ATen/ops/randint.h>

#include <map>
#include <random>

#include "longspan/interop/exported_folder.h"
#include "support/temporary_folder.h"
#include "unit/interop/our_model.h"

namespace longspan {
namespace {

using testing::OurModel;

// A random shape of an architecture.
class Shapes {
 public:
  explicit Shapes(unsigned seed) : generator_(seed) {}

  std::string yaml(const std::string& model_type, const std::string& pairing) {
    heads_ = between(1, 4);
    head_dim_ = 2 * between(1, 4);
    const bool is_llama = model_type == "llama", is_bloom = model_type == "bloom";
    const std::int64_t d_model = is_llama ? between(1, 20) : heads_ * head_dim_;
    const std::string sizes = concat("num_layers: ", between(1, 3), ", d_model: ", d_model,
                                     ", num_heads: ", heads_, ", norm_eps: 1.0e-", between(3, 7),
                                     ", embedding: {kind: plain, scale: false, tie: ", truth(),
                                     ", norm: ", is_bloom ? "true" : "false", "}");
    if (is_bloom)
      return concat("model: {", sizes, ", ffn_dim: ", 4 * d_model,
                    ", activation: gelu_tanh}\nposition: {kind: alibi}\n");
    if (model_type == "mpt")
      return concat("model: {", sizes, ", ffn_dim: ", 4 * d_model,
                    ", activation: gelu, bias: false", ", clip_qkv: ", between(0, 3),
                    "}\nposition: {kind: alibi, score_scale: 0.", between(0, 5), "}\n");
    return concat("model: {", sizes, ", ffn_dim: ", between(1, 9), is_llama ? llama() : gpt_neox(),
                  "}\nposition: {kind: rotary, pairing: ", pairing, ", base: ", between(2, 99999),
                  ".5, fraction: ", is_llama ? "1.0" : fraction(), "}\n");
  }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(generator_);
  }

 private:
  const char* truth() { return between(0, 1) == 1 ? "true" : "false"; }
  std::string llama() {
    const std::int64_t kv_heads = heads_ % 2 == 0 ? heads_ / between(1, 2) : heads_;
    return concat(", num_kv_heads: ", kv_heads, ", head_dim: ", head_dim_,
                  ", activation: swiglu, norm: rmsnorm, bias: ", truth(),
                  ", attention_bias: ", truth());
  }
  std::string gpt_neox() {
    constexpr const char* kActivations[] = {"gelu", "gelu_tanh", "relu"};
    return concat(", activation: ", kActivations[between(0, 2)], ", parallel_residual: ", truth(),
                  ", attention_bias: ", truth());
  }
  const char* fraction() { return head_dim_ % 4 == 0 && between(0, 1) == 1 ? "0.5" : "1.0"; }

  std::mt19937 generator_;
  std::int64_t heads_ = 1, head_dim_ = 2;
};

std::unique_ptr<Tokenizer> ids(std::int64_t vocab_size) {
  TokenizerConfig config;
  config.kind = TokenizerKind::Ids;
  config.vocab_size = vocab_size;
  return build_tokenizer(config, {});
}

// What comes back of a model, which must have its architecture.
PortableModel there_and_back(const PortableModel& model, const std::string& model_type) {
  const testing::TemporaryFolder folder;
  const auto out = folder.path() / "out";
  CHECK(export_huggingface(model, *ids(model.vocab_size), out).architecture == model_type);
  PortableModel again = import_huggingface(out);
  CHECK(again.vocab_size == model.vocab_size);
  CHECK(again.seq_len == model.seq_len);
  return again;
}

void check_same_parameters(const NamedTensors& got, const NamedTensors& wanted) {
  std::map<std::string, at::Tensor> by_name;
  for (const auto& [name, tensor] : got) by_name.emplace(name, tensor);
  CHECK(by_name.size() == wanted.size());
  for (const auto& [name, tensor] : wanted) {
    INFO(name);
    REQUIRE(by_name.contains(name));
    CHECK(by_name.at(name).equal(tensor));
  }
}

at::Tensor some_ids(std::int64_t vocab_size) { return at::randint(vocab_size, {2, 7}, at::kLong); }

TEST_CASE("export: there and back every architecture gives the same bits") {
  for (const std::string model_type : {"mpt", "bloom", "llama", "gpt_neox"})
    for (unsigned seed = 0; seed < 20; ++seed) {
      Shapes shapes(seed);
      const std::string yaml = shapes.yaml(model_type, "half_split");
      INFO(model_type << ", seed " << seed << ": " << yaml);
      const OurModel ours(yaml, shapes.between(2, 11));
      const PortableModel again = there_and_back(ours.portable(), model_type);
      check_same_parameters(again.parameters, ours.model().parameters());
      const at::Tensor ids_BT = some_ids(again.vocab_size);
      CHECK(OurModel(again).log_probabilities(ids_BT).equal(ours.log_probabilities(ids_BT)));
    }
}

TEST_CASE("export: rotary pairs of neighbours become halves, and the scores stay") {
  for (const std::string model_type : {"llama", "gpt_neox"})
    for (unsigned seed = 0; seed < 20; ++seed) {
      Shapes shapes(seed);
      const std::string yaml = shapes.yaml(model_type, "interleaved");
      INFO(model_type << ", seed " << seed << ": " << yaml);
      const OurModel ours(yaml, shapes.between(2, 11));
      const PortableModel again = there_and_back(ours.portable(), model_type);
      const at::Tensor ids_BT = some_ids(again.vocab_size);
      CHECK(testing::difference(OurModel(again).log_probabilities(ids_BT),
                                ours.log_probabilities(ids_BT), 2e-5, 1e-5) == "");
      // From there on nothing changes.
      const PortableModel third = there_and_back(OurModel(again).portable(), model_type);
      check_same_parameters(third.parameters, again.parameters);
    }
}

}  // namespace
}  // namespace longspan
