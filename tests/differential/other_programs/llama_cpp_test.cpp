// Models in GGUF files as llama.cpp computes them: logits and greedy continuations. Runs where
// PYTHON names an interpreter with the packages gguf and xllamacpp (scripts/compare-transformers).

#include "differential/other_programs/other_program.h"
#include "longspan/interop/exported_gguf.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

using testing::OurModel;
using testing::Shape;
using testing::with;

// llama.cpp looks its gelu up in a table of half precision, and has that by tanh alone: models with
// ours by erf are not here.
constexpr double kOfHalf = 1.0 / 2048;

TEST_CASE("llama.cpp computes what an exported model of random weights does") {
  testing::python_with("gguf, safetensors, torch, xllamacpp");
  const Shape llama = testing::llama_shape(), gpt_neox = testing::gpt_neox_shape(),
              bloom = testing::bloom_shape();
  const std::pair<const char*, Shape> cases[] = {
      {"gguf: llama, grouped heads", llama},
      {"gguf: llama, untied, biases",
       with(llama, "ffn_dim: 40, activation: swiglu, norm: rmsnorm", "", testing::kUntied)},
      {"gguf: llama, pairs of neighbours", with(llama, llama.model, "{kind: rotary}")},
      {"gguf: llama, head_dim 6, biases of attention",
       with(llama, llama.model + ", head_dim: 6, attention_bias: true")},
      {"gguf: gpt_neox, half of a head, parallel",
       with(gpt_neox, "ffn_dim: 40, activation: gelu_tanh, parallel_residual: true")},
      {"gguf: gpt_neox, untied, one after the other",
       with(gpt_neox, "ffn_dim: 40, activation: gelu_tanh", "{kind: rotary, pairing: half_split}",
            testing::kUntied)},
      {"gguf: bloom", bloom},
  };
  constexpr std::int64_t kBytes = 256;
  TokenizerConfig config;
  config.kind = TokenizerKind::Bytes;
  const auto tokenizer = build_tokenizer(config, {});
  const testing::TemporaryFolder folder;
  std::vector<testing::Comparison> comparisons;
  for (const auto& [name, shape] : cases) {
    const auto out = folder.path() / name;
    PortableModel model = OurModel(shape.yaml(), kBytes).portable();
    model.seq_len = 128;
    export_gguf(model, *tokenizer, out);
    comparisons.push_back({name, shape.model_type, out});
  }
  testing::ask("llama_cpp_logits.py", comparisons, kBytes);
  for (const auto& [name, shape] : cases) {
    INFO(name);
    testing::check_equal(OurModel(shape.yaml(), kBytes).model(), name,
                         testing::Answer(folder.path() / name),
                         shape.model_type == "llama" ? 1e-4 : kOfHalf);
  }
}

}  // namespace
}  // namespace longspan
