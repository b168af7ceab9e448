// Models of ours that go out: which can, the files of one, and what is left when it cannot be
// written.

#include <catch2/matchers/catch_matchers_string.hpp>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/interop/exported_folder.h"
#include "support/temporary_folder.h"
#include "unit/interop/our_model.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::caught;
using testing::OurModel;
using testing::Shape;

std::unique_ptr<Tokenizer> ids(std::int64_t vocab_size) {
  TokenizerConfig config;
  config.kind = TokenizerKind::Ids;
  config.vocab_size = vocab_size;
  return build_tokenizer(config, {});
}

testing::Caught refused(const std::string& yaml) {
  const testing::TemporaryFolder folder;
  const OurModel ours(yaml, 11);
  const auto result =
      caught([&] { export_huggingface(ours.portable(), *ids(11), folder.path() / "out"); });
  CHECK(fs::is_empty(folder.path()));
  return result;
}

TEST_CASE("export: a model that no architecture has is refused with what each would need") {
  const auto [kind, text] = refused(
      "model: {num_layers: 1, d_model: 12, num_heads: 2, ffn_dim: 40, num_kv_heads: 1}\n"
      "position: {kind: alibi}\n");
  CHECK(kind == ErrorKind::Config);
  CHECK(text ==
        "the model must be one that transformers has; what would have to change for gpt_neox: "
        "model.embedding.scale = false, position.kind = rotary, model.num_kv_heads = 2; for llama: "
        "model.embedding.scale = false, position.kind = rotary, model.norm = rmsnorm, "
        "model.activation = swiglu; for mpt: model.embedding.scale = false, model.bias = false, "
        "model.activation = gelu, model.ffn_dim = 48, model.num_kv_heads = 2; for bloom: "
        "model.embedding.scale = false, model.activation = gelu_tanh, model.ffn_dim = 48, "
        "model.num_kv_heads = 2, model.embedding.norm = true");
}

TEST_CASE("export: each key that an architecture cannot express is named") {
  const auto names = [](Shape shape, const std::string& from, const std::string& to,
                        const std::string& note) {
    std::string yaml = shape.yaml();
    const std::size_t place = yaml.find(from);
    REQUIRE(place != std::string::npos);
    const std::string text = refused(yaml.replace(place, from.size(), to)).text;
    CHECK_THAT(text, ContainsSubstring("for " + shape.model_type + ": " + note));
  };
  const Shape mpt = testing::mpt_shape(), llama = testing::llama_shape(),
              gpt_neox = testing::gpt_neox_shape(), bloom = testing::bloom_shape();
  for (const Shape& shape : {mpt, llama, gpt_neox, bloom}) {
    names(shape, "scale: false", "scale: true", "model.embedding.scale = false");
    names(shape, "kind: plain", "kind: adaptive, cutoffs: [5], factor: 2",
          "model.embedding.kind = plain");
    names(shape, "num_layers: 2", "num_layers: 2, final_norm: false", "model.final_norm = true");
  }
  names(mpt, "ffn_dim: 96", "ffn_dim: 48", "model.ffn_dim = 96");
  names(mpt, "ffn_dim", "num_kv_heads: 3, ffn_dim", "model.num_kv_heads = 6");
  names(mpt, "ffn_dim", "parallel_residual: true, ffn_dim", "model.parallel_residual = false");
  names(mpt, "ffn_dim", "norm_placement: post, final_norm: true, ffn_dim",
        "model.norm_placement = pre");
  names(mpt, "bias: false", "bias: true", "model.bias = false");
  names(mpt, "bias: false", "bias: false, attention_bias: true", "model.attention_bias = false");
  names(mpt, "alibi", "alibi, max_bias: 4", "position.max_bias = 8.0");
  for (const Shape& shape : {mpt, gpt_neox, bloom})
    names(shape, "ffn_dim", "head_dim: 8, ffn_dim", "model.head_dim = 0");
  for (const Shape& shape : {llama, gpt_neox, bloom})
    names(shape, "ffn_dim", "clip_qkv: 2, ffn_dim", "model.clip_qkv = 0.0");
  for (const Shape& shape : {mpt, llama, gpt_neox})
    names(shape, "scale: false", "scale: false, norm: true", "model.embedding.norm = false");
  names(bloom, "norm: true", "norm: false", "model.embedding.norm = true");
  names(bloom, "gelu_tanh", "gelu", "model.activation = gelu_tanh");
  names(bloom, "ffn_dim", "bias: false, ffn_dim", "model.bias = true");
  names(bloom, "ffn_dim", "attention_bias: false, ffn_dim", "model.attention_bias = true");
  names(bloom, "ffn_dim: 96", "ffn_dim: 48", "model.ffn_dim = 96");
  names(bloom, "alibi", "alibi, score_scale: 1", "position.score_scale = 0.0");
  names(mpt, "alibi", "kerple", "position.kind = alibi");
  names(llama, "half_split", "half_split, fraction: 0.5", "position.fraction = 1.0");
  names(llama, "swiglu", "gelu", "model.activation = swiglu");
  names(llama, "rmsnorm", "layernorm", "model.norm = rmsnorm");
  for (const std::string key : {"interpolation: 2", "window: 8"}) {
    const std::string note =
        key == "window: 8" ? "position.window = 0" : "position.interpolation = 1.0";
    names(mpt, "alibi", "alibi, " + key, note);
    names(llama, "half_split", "half_split, " + key, note);
    names(gpt_neox, "half_split", "half_split, " + key, note);
  }
  names(gpt_neox, "gelu", "swiglu", "model.activation = gelu");
  names(gpt_neox, "ffn_dim", "bias: false, ffn_dim", "model.bias = true");
  names(gpt_neox, "kind: rotary, pairing: half_split, fraction: 0.5", "kind: xpos",
        "position.kind = rotary");
}

TEST_CASE("export: the files of a model") {
  const testing::TemporaryFolder folder;
  const auto out = folder.path() / "deep" / "out";
  const OurModel ours(testing::llama_shape().yaml(), 11);
  const ExportedFolder exported = export_huggingface(ours.portable(), *ids(11), out);
  CHECK(exported.architecture == "llama");
  CHECK(exported.files == std::vector<std::string>{"config.json", "model.safetensors"});
  CHECK(exported.tokenizer == "");
  CHECK(exported.bytes == static_cast<std::int64_t>(fs::file_size(out / "config.json") +
                                                    fs::file_size(out / "model.safetensors")));
  const Json config = read_json(out / "config.json");
  CHECK(config["architectures"] == Json({"LlamaForCausalLM"}));
  CHECK(config["num_key_value_heads"] == 2);
  CHECK(config["rope_theta"] == 50000.0);
  CHECK(config["torch_dtype"] == "float32");
  CHECK(config["eos_token_id"] == nullptr);
}

TEST_CASE("export: weights beyond the largest file go to several, with an index") {
  const testing::TemporaryFolder folder;
  const OurModel ours(testing::mpt_shape().yaml(), 11);
  const auto whole = folder.path() / "whole", split = folder.path() / "split";
  export_huggingface(ours.portable(), *ids(11), whole);
  const auto exported =
      export_huggingface(ours.portable(), *ids(11), split, {.max_file_bytes = 20'000});
  const Json index = read_json(split / "model.safetensors.index.json");
  std::int64_t total = 0;
  std::size_t count = 0;
  for (const auto& file : exported.files) {
    if (!file.ends_with(".safetensors")) continue;
    CHECK(file.starts_with("model-0000"));
    CHECK(file.ends_with("-of-00003.safetensors"));
    std::int64_t bytes = 0;
    for (const auto& [name, tensor] : read_safetensors(split / file)) {
      CHECK(index["weight_map"][name] == file);
      bytes += static_cast<std::int64_t>(tensor.nbytes());
      ++count;
    }
    CHECK(bytes <= 20'000);
    total += bytes;
  }
  CHECK(index["metadata"]["total_size"] == total);
  CHECK(index["weight_map"].size() == count);
  CHECK(count == read_safetensors(whole / "model.safetensors").size());
  const PortableModel again = import_huggingface(split);
  CHECK(OurModel(again).model().num_parameters() == ours.model().num_parameters());
}

TEST_CASE("export: a folder that holds something is left alone, an empty one is filled") {
  const testing::TemporaryFolder folder;
  const OurModel ours(testing::mpt_shape().yaml(), 11);
  const auto attempt = [&](const fs::path& out) {
    return caught([&] { export_huggingface(ours.portable(), *ids(11), out); });
  };
  write_file_durably(folder.path() / "file", "x");
  for (const auto& out : {folder.path(), folder.path() / "file"}) {
    const auto [kind, text] = attempt(out);
    CHECK(kind == ErrorKind::Config);
    CHECK(text ==
          "--output must name a folder that does not exist or is empty, got " + out.string());
  }
  CHECK(read_file(folder.path() / "file") == "x");
  make_folder(folder.path() / "empty");
  CHECK(attempt(folder.path() / "empty").text.empty());
  CHECK(fs::exists(folder.path() / "empty/model.safetensors"));
  CHECK_FALSE(fs::exists(folder.path() / "empty.staged"));
}

TEST_CASE("export: weights that the type cannot hold, or that are no numbers, are refused") {
  const testing::TemporaryFolder folder;
  const OurModel ours(testing::mpt_shape().yaml(), 11);
  PortableModel model = ours.portable();
  const auto attempt = [&](at::ScalarType dtype) {
    return caught(
        [&] { export_huggingface(model, *ids(11), folder.path() / "out", {.dtype = dtype}); });
  };
  for (auto& parameter : model.parameters) parameter.tensor = parameter.tensor.detach().clone();
  model.parameters.back().tensor[0] = 7e4;
  CHECK(attempt(at::kHalf).kind == ErrorKind::Config);
  CHECK(attempt(at::kHalf).text ==
        "the tensor transformer.norm_f.weight must hold numbers that Half can, 1 of its 24 are too "
        "large; export in bf16 or fp32");
  model.parameters.back().tensor[0] = std::nan("");
  CHECK(attempt(at::kFloat).kind == ErrorKind::Numeric);
  CHECK_THAT(attempt(at::kFloat).text, ContainsSubstring("must hold finite numbers, 1 of its 24"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("export: narrow weights are the nearest ones") {
  const testing::TemporaryFolder folder;
  const OurModel ours(testing::gpt_neox_shape().yaml(), 11);
  const std::vector<std::pair<at::ScalarType, const char*>> types{{at::kBFloat16, "bfloat16"},
                                                                  {at::kHalf, "float16"}};
  for (const auto& [dtype, name] : types) {
    const auto out = folder.path() / name;
    export_huggingface(ours.portable(), *ids(11), out, {.dtype = dtype});
    CHECK(read_json(out / "config.json")["torch_dtype"] == name);
    const PortableModel again = import_huggingface(out);
    for (std::size_t i = 0; i < again.parameters.size(); ++i)
      for (const auto& [ours_name, tensor] : ours.model().parameters())
        if (ours_name == again.parameters[i].name)
          CHECK(again.parameters[i].tensor.equal(tensor.to(dtype).to(at::kFloat)));
  }
}

}  // namespace
}  // namespace longspan
