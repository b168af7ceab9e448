// GGUF files, read by a plain reader of the format.

#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstring>
#include <map>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/interop/exported_gguf.h"
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

constexpr std::int64_t kVocabSize = 11;

// What a file says, each offset and size checked against the bytes that are there.
class Gguf {
 public:
  explicit Gguf(const fs::path& path) : bytes_(read_file(path)) {
    REQUIRE(take(4) == "GGUF");
    REQUIRE(number<std::uint32_t>() == 3);
    const auto num_tensors = number<std::uint64_t>(), num_keys = number<std::uint64_t>();
    for (std::uint64_t i = 0; i < num_keys; ++i) {
      const std::string key = text();
      CHECK_FALSE(keys.contains(key));
      keys[key] = value(number<std::uint32_t>());
    }
    read_tensors(num_tensors);
  }

  std::map<std::string, Json> keys;
  std::map<std::string, at::Tensor> tensors;
  std::vector<std::string> order;

 private:
  std::string take(std::size_t count) {
    REQUIRE(at_ + count <= bytes_.size());
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  template <class Number>
  Number number() {
    Number result;
    std::memcpy(&result, take(sizeof result).data(), sizeof result);
    return result;
  }
  std::string text() { return take(number<std::uint64_t>()); }
  Json value(std::uint32_t type) {
    switch (type) {
      case 0:
        return number<std::uint8_t>();
      case 4:
        return number<std::uint32_t>();
      case 5:
        return number<std::int32_t>();
      case 6:
        return number<float>();
      case 7:
        return number<std::uint8_t>() != 0;
      case 8:
        return text();
      case 9:
        return list();
      default:
        FAIL("a value of type " << type);
    }
    return {};
  }
  Json list() {
    const auto type = number<std::uint32_t>();
    const auto count = number<std::uint64_t>();
    Json values = Json::array();
    for (std::uint64_t i = 0; i < count; ++i) values.push_back(value(type));
    return values;
  }
  void read_tensors(std::uint64_t count) {
    struct Described {
      std::string name;
      std::vector<std::int64_t> sizes;
      at::ScalarType dtype;
      std::uint64_t offset;
    };
    std::vector<Described> described;
    for (std::uint64_t i = 0; i < count; ++i) {
      Described one{.name = text(), .sizes = {}, .dtype = at::kFloat, .offset = 0};
      const auto dimensions = number<std::uint32_t>();
      for (std::uint32_t d = 0; d < dimensions; ++d)
        one.sizes.insert(one.sizes.begin(), static_cast<std::int64_t>(number<std::uint64_t>()));
      const std::map<std::uint32_t, at::ScalarType> types{
          {0, at::kFloat}, {1, at::kHalf}, {30, at::kBFloat16}};
      one.dtype = types.at(number<std::uint32_t>());
      one.offset = number<std::uint64_t>();
      described.push_back(one);
    }
    const std::size_t data = (at_ + 31) / 32 * 32;
    for (const Described& one : described) {
      CHECK(one.offset % 32 == 0);
      auto tensor = at::empty(one.sizes, one.dtype);
      REQUIRE(data + one.offset + tensor.nbytes() <= bytes_.size());
      std::memcpy(tensor.mutable_data_ptr(), bytes_.data() + data + one.offset, tensor.nbytes());
      CHECK(tensors.emplace(one.name, tensor).second);
      order.push_back(one.name);
    }
    CHECK(bytes_.size() % 32 == data % 32);
  }

  std::string bytes_;
  std::size_t at_ = 0;
};

std::unique_ptr<Tokenizer> built(TokenizerKind kind, std::int64_t vocab_size,
                                 const std::string& model_type = "unigram") {
  TokenizerConfig config;
  config.kind = kind;
  config.vocab_size = vocab_size;
  config.model_type = model_type;
  return build_tokenizer(config, [](const auto& emit) {
    for (int i = 0; i < 3000; ++i) emit("number " + std::to_string(i * 7919));
  });
}

struct Exported {
  ExportedFolder told;
  Gguf file;
};

Exported exported(const OurModel& ours, const Tokenizer& tokenizer,
                  at::ScalarType dtype = at::kFloat) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "deep" / "model.gguf";
  const auto told = export_gguf(ours.portable(), tokenizer, path, {.dtype = dtype});
  CHECK(told.files == std::vector<std::string>{"model.gguf"});
  CHECK(told.bytes == static_cast<std::int64_t>(fs::file_size(path)));
  CHECK(std::distance(fs::directory_iterator(path.parent_path()), {}) == 1);
  return {told, Gguf(path)};
}

Exported exported(const Shape& shape, at::ScalarType dtype = at::kFloat) {
  return exported(OurModel(shape.yaml(), kVocabSize), *built(TokenizerKind::Ids, kVocabSize),
                  dtype);
}

at::Tensor ours(const Shape& shape, const std::string& name) {
  const OurModel model(shape.yaml(), kVocabSize);
  for (const auto& parameter : model.model().parameters())
    if (parameter.name == name) return parameter.tensor.detach().clone();
  FAIL("no parameter " << name);
  return {};
}

TEST_CASE("gguf: what a LLaMA says of itself, and its tensors") {
  const Shape shape = testing::llama_shape();
  const auto [told, file] = exported(shape);
  CHECK(told.architecture == "llama");
  CHECK(told.tokenizer == "");
  auto keys = file.keys;
  CHECK(keys["general.architecture"] == "llama");
  CHECK(keys["general.file_type"] == 0);
  CHECK(keys["llama.block_count"] == 2);
  CHECK(keys["llama.embedding_length"] == 24);
  CHECK(keys["llama.feed_forward_length"] == 40);
  CHECK(keys["llama.attention.head_count"] == 6);
  CHECK(keys["llama.attention.head_count_kv"] == 2);
  CHECK(keys["llama.attention.key_length"] == 4);
  CHECK(keys["llama.attention.layer_norm_rms_epsilon"] == 1e-5f);
  CHECK(keys["llama.context_length"] == 16);
  CHECK(keys["llama.rope.freq_base"] == 50000.0);
  CHECK(keys["llama.rope.dimension_count"] == 4);
  CHECK(keys["llama.vocab_size"] == kVocabSize);
  CHECK(keys["tokenizer.ggml.model"] == "no_vocab");
  CHECK(file.tensors.size() == 2 + 2 * 9);
  CHECK_FALSE(file.tensors.contains("output.weight"));  // tied
  CHECK(file.tensors.at("token_embd.weight").equal(ours(shape, "embed.weight")));
  CHECK(file.tensors.at("output_norm.weight").equal(ours(shape, "final_norm.weight")));
  for (const auto& [theirs, name] : std::map<std::string, std::string>{{"attn_norm", "attn_norm"},
                                                                       {"attn_v", "attn.v"},
                                                                       {"attn_output", "attn.out"},
                                                                       {"ffn_norm", "ffn_norm"},
                                                                       {"ffn_up", "ffn.fc1"},
                                                                       {"ffn_gate", "ffn.gate"},
                                                                       {"ffn_down", "ffn.fc2"}})
    CHECK(file.tensors.at("blk.1." + theirs + ".weight")
              .equal(ours(shape, "layers.1." + name + ".weight")));
}

TEST_CASE("gguf: pairs of a LLaMA's heads are neighbours") {
  Shape shape = testing::llama_shape();
  const at::Tensor k = ours(shape, "layers.0.attn.k.weight");
  const auto halves = exported(shape);
  CHECK(halves.file.tensors.at("blk.0.attn_k.weight")
            .equal(k.index_select(0, at::tensor({0, 2, 1, 3, 4, 6, 5, 7}, at::kLong))));
  shape.position = "{kind: rotary}";
  const auto neighbours = exported(shape);
  CHECK(neighbours.file.tensors.at("blk.0.attn_k.weight").equal(k));
  CHECK(neighbours.file.tensors.at("blk.1.attn_q.weight")
            .equal(ours(shape, "layers.1.attn.q.weight")));
}

TEST_CASE("gguf: biases of a LLaMA, and a head of its own") {
  Shape shape = testing::llama_shape();
  shape.model = "ffn_dim: 40, activation: swiglu, norm: rmsnorm";
  shape.embedding = testing::kUntied;
  const auto [told, file] = exported(shape);
  CHECK(file.tensors.at("output.weight").equal(ours(shape, "head.weight")));
  CHECK(file.tensors.at("blk.0.ffn_down.bias").equal(ours(shape, "layers.0.ffn.fc2.bias")));
  CHECK(file.tensors.at("blk.1.attn_v.bias").equal(ours(shape, "layers.1.attn.v.bias")));
  CHECK(file.tensors.size() == 3 + 2 * 16);
}

TEST_CASE("gguf: GPT-NeoX has q, k and v as blocks, and a tied head a second time") {
  Shape shape = testing::gpt_neox_shape();
  shape.model = "ffn_dim: 40, activation: gelu_tanh, parallel_residual: true";
  auto [told, file] = exported(shape);
  CHECK(told.architecture == "gptneox");
  CHECK(file.keys["gptneox.use_parallel_residual"] == true);
  CHECK(file.keys["gptneox.rope.dimension_count"] == 2);
  CHECK(file.keys["gptneox.attention.layer_norm_epsilon"] == 1e-5f);
  for (const std::string part : {"weight", "bias"}) {
    std::vector<at::Tensor> parts;
    for (const std::string name : {"q.", "k.", "v."})
      parts.push_back(ours(shape, "layers.0.attn." + name + part));
    CHECK(file.tensors.at("blk.0.attn_qkv." + part).equal(at::cat(parts)));
  }
  CHECK(file.tensors.at("output.weight").equal(ours(shape, "embed.weight")));
  CHECK(file.tensors.at("output_norm.bias").equal(ours(shape, "final_norm.bias")));
}

TEST_CASE("gguf: MPT's biases by distance") {
  auto [told, file] = exported(testing::mpt_shape());
  CHECK(told.architecture == "mpt");
  CHECK(file.keys["mpt.attention.max_alibi_bias"] == 8.0);
  CHECK(file.keys["mpt.attention.layer_norm_epsilon"] == 2e-5f);
  CHECK(file.tensors.size() == 2 + 2 * 6);
  CHECK(file.tensors.at("blk.0.attn_qkv.weight").size(0) == 72);
}

TEST_CASE("gguf: MPT's bounds of queries, keys and values") {
  Shape shape = testing::mpt_shape();
  CHECK_FALSE(exported(shape).file.keys.contains("mpt.attention.clamp_kqv"));
  shape.model += ", clip_qkv: 6";
  CHECK(exported(shape).file.keys["mpt.attention.clamp_kqv"] == 6.0);
}

TEST_CASE("gguf: a LLaMA's heads of a width of their own, and biases of attention alone") {
  Shape shape = testing::llama_shape();
  shape.model += ", head_dim: 6, attention_bias: true";
  auto [told, file] = exported(shape);
  CHECK(file.keys["llama.attention.key_length"] == 6);
  CHECK(file.keys["llama.attention.value_length"] == 6);
  CHECK(file.keys["llama.rope.dimension_count"] == 6);
  CHECK(file.tensors.at("blk.0.attn_q.weight").sizes() == at::IntArrayRef({36, 24}));
  CHECK(file.tensors.at("blk.0.attn_output.weight").equal(ours(shape, "layers.0.attn.out.weight")));
  CHECK(file.tensors.contains("blk.1.attn_v.bias"));
  CHECK_FALSE(file.tensors.contains("blk.1.ffn_up.bias"));
}

TEST_CASE("gguf: BLOOM has a norm behind the embedding") {
  const Shape shape = testing::bloom_shape();
  auto [told, file] = exported(shape);
  CHECK(told.architecture == "bloom");
  CHECK(file.keys["bloom.attention.layer_norm_epsilon"] == 1e-5f);
  CHECK(file.tensors.size() == 5 + 2 * 12);
  CHECK(file.tensors.at("token_embd_norm.bias").equal(ours(shape, "embed_norm.bias")));
  std::vector<at::Tensor> parts;
  for (const std::string name : {"q", "k", "v"})
    parts.push_back(ours(shape, "layers.1.attn." + name + ".weight"));
  CHECK(file.tensors.at("blk.1.attn_qkv.weight").equal(at::cat(parts)));
}

TEST_CASE("gguf: narrow matrices are the nearest ones, norms and biases stay") {
  const Shape shape = testing::gpt_neox_shape();
  for (const auto& [dtype, file_type] :
       std::map<at::ScalarType, int>{{at::kHalf, 1}, {at::kBFloat16, 32}}) {
    auto [told, file] = exported(shape, dtype);
    CHECK(file.keys["general.file_type"] == file_type);
    const at::Tensor inner = file.tensors.at("blk.1.ffn_up.weight"),
                     bias = file.tensors.at("blk.1.ffn_up.bias");
    CHECK(inner.equal(ours(shape, "layers.1.ffn.fc1.weight").to(dtype)));
    CHECK(bias.equal(ours(shape, "layers.1.ffn.fc1.bias")));
  }
}

TEST_CASE("gguf: bytes are GPT-2's characters without merges") {
  const OurModel model(testing::mpt_shape().yaml(), 256);
  auto [told, file] = exported(model, *built(TokenizerKind::Bytes, 256));
  CHECK(told.tokenizer == "gpt2");
  CHECK(file.keys["tokenizer.ggml.tokens"].size() == 256);
  CHECK(file.keys["tokenizer.ggml.tokens"][32] == "\u0120");
  CHECK(file.keys["tokenizer.ggml.merges"] == Json::array());
  CHECK(file.keys["tokenizer.ggml.bos_token_id"] == 10);
  CHECK(file.keys["tokenizer.ggml.eos_token_id"] == 0);
  CHECK(file.keys["tokenizer.ggml.add_bos_token"] == true);
}

TEST_CASE("gguf: pieces of SentencePiece, the end of a line as its break") {
  const OurModel model(testing::mpt_shape().yaml(), 300);
  for (const std::string model_type : {"unigram", "bpe"}) {
    INFO(model_type);
    const auto tokenizer = built(TokenizerKind::SentencePiece, 300, model_type);
    auto [told, file] = exported(model, *tokenizer);
    CHECK(told.tokenizer == (model_type == "bpe" ? "llama" : "t5"));
    const Json& tokens = file.keys["tokenizer.ggml.tokens"];
    REQUIRE(tokens.size() == 300);
    CHECK(file.keys["tokenizer.ggml.scores"].size() == 300);
    const auto end = tokenizer->start_id();
    CHECK(file.keys["tokenizer.ggml.bos_token_id"] == end);
    CHECK(tokens[static_cast<std::size_t>(end)] == "\n");
    CHECK(file.keys["tokenizer.ggml.token_type"][static_cast<std::size_t>(end)] == 4);
    CHECK(file.keys["tokenizer.ggml.eos_token_id"] != end);
    std::vector<std::int32_t> ids;
    tokenizer->encode_line("number 7919", ids);
    std::string text;
    for (const auto id : ids) text += tokens[static_cast<std::size_t>(id)].get<std::string>();
    CHECK(text ==
          "number\u2581"
          "7919\n");
  }
}

TEST_CASE("gguf: a model that llama.cpp has not is refused with what would have to change") {
  const testing::TemporaryFolder folder;
  const auto refused = [&](const std::string& yaml) {
    const OurModel model(yaml, kVocabSize);
    const auto [kind, text] = caught([&] {
      export_gguf(model.portable(), *built(TokenizerKind::Ids, kVocabSize),
                  folder.path() / "model.gguf");
    });
    CHECK(kind == ErrorKind::Config);
    CHECK(fs::is_empty(folder.path()));
    return text;
  };
  Shape shape = testing::gpt_neox_shape();
  shape.model = "ffn_dim: 40, activation: relu";
  CHECK(refused(shape.yaml()) ==
        "the model must be one that llama.cpp has; what would have to change for gptneox: "
        "model.activation = gelu_tanh");
  Shape biased = testing::gpt_neox_shape(), scaled = testing::mpt_shape();
  biased.model += ", attention_bias: false";
  CHECK_THAT(refused(biased.yaml()), ContainsSubstring("for gptneox: model.attention_bias = true"));
  scaled.position = "{kind: alibi, score_scale: 0.5}";
  CHECK_THAT(refused(scaled.yaml()), ContainsSubstring("for mpt: position.score_scale = 0.0"));
  shape.position = "{kind: t5}";
  CHECK_THAT(refused(shape.yaml()), ContainsSubstring("for gpt_neox: position.kind = rotary"));
}

TEST_CASE("gguf: a file that is there is left alone") {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "model.gguf";
  write_file_durably(path, "x");
  const OurModel model(testing::mpt_shape().yaml(), kVocabSize);
  const auto [kind, text] =
      caught([&] { export_gguf(model.portable(), *built(TokenizerKind::Ids, kVocabSize), path); });
  CHECK(kind == ErrorKind::Config);
  CHECK(text == "--output must name a file that does not exist, got " + path.string());
  CHECK(read_file(path) == "x");
}

TEST_CASE("gguf: weights that the type cannot hold leave nothing") {
  const testing::TemporaryFolder folder;
  const OurModel model(testing::mpt_shape().yaml(), kVocabSize);
  PortableModel portable = model.portable();
  for (auto& parameter : portable.parameters) {
    parameter.tensor = parameter.tensor.detach().clone();
    if (parameter.name == "embed.weight") parameter.tensor[0][0] = 7e4;
  }
  const auto [kind, text] = caught([&] {
    export_gguf(portable, *built(TokenizerKind::Ids, kVocabSize), folder.path() / "model.gguf",
                {.dtype = at::kHalf});
  });
  CHECK(kind == ErrorKind::Config);
  CHECK_THAT(text, ContainsSubstring("token_embd.weight must hold numbers that Half can"));
  CHECK(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace longspan
