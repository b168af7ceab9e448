// Exported models in transformers itself, and its own models imported: logits, greedy
// continuations, the tokenizers' ids. Runs where PYTHON names an interpreter with transformers
// (scripts/compare-transformers).

#include <ATen/ops/randint.h>

#include <cstdio>
#include <cstdlib>
#include <set>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/generate/generate.h"
#include "longspan/interop/exported_folder.h"
#include "longspan/run/run.h"
#include "support/paths.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "unit/interop/our_model.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int32_t>;
using testing::OurModel;
using testing::Shape;

constexpr double kLimit = 1e-4;  // of logits, relative to the largest
constexpr std::int64_t kNewTokens = 64;

std::string python() {
  const char* const name = std::getenv("PYTHON");
  if (name == nullptr || *name == '\0')
    SKIP("PYTHON must name a python with torch, transformers and safetensors");
  return name;
}

// Runs a program of this folder, which must end well.
void run_program(const std::string& name, const std::vector<fs::path>& arguments) {
  const testing::TemporaryFolder work;
  const auto program = testing::source_folder() / "tests/differential/transformers" / name,
             log = work.path() / "log";
  std::string command = concat(python(), " '", program.string(), "'");
  for (const fs::path& argument : arguments) command += concat(" '", argument.string(), "'");
  const int status = std::system(concat(command, " >'", log.string(), "' 2>&1").c_str());
  INFO(read_file(log));
  REQUIRE(status == 0);
}

Ids ids_of(const at::Tensor& tensor) {
  const at::Tensor ids = tensor.to(at::kInt).contiguous();
  const auto* begin = ids.const_data_ptr<std::int32_t>();
  return {begin, begin + ids.numel()};
}

// The file whose name is a folder's with an ending.
fs::path beside(fs::path path, const char* ending) { return path += ending; }

// What transformers makes of a folder, which it was asked for.
class Answer {
 public:
  explicit Answer(const fs::path& exported)
      : answer_(read_safetensors(beside(exported, ".answer.safetensors"))) {}
  at::Tensor operator[](const std::string& name) const {
    for (const auto& one : answer_)
      if (one.name == name) return one.tensor;
    FAIL("there is no " << name);
    return {};
  }
  Ids ids(const std::string& name) const { return ids_of((*this)[name]); }
  std::string text(const std::string& name) const {
    const at::Tensor tensor = (*this)[name].contiguous();
    return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
  }

 private:
  NamedTensors answer_;
};

Ids greedy(const Transformer& model, const Ids& prompt) {
  Ids ids;
  GenerationOptions options;
  options.max_tokens = kNewTokens;
  options.sampling.temperature = 0;
  generate(model, std::vector<Ids>{prompt}, options,
           [&](std::size_t, const Sampler::Choice& choice) {
             ids.push_back(choice.id);
             return true;
           });
  return ids;
}

Json nested(const at::Tensor& ids_BT) {
  Json rows = Json::array();
  for (std::int64_t row = 0; row < ids_BT.size(0); ++row)
    for (std::int64_t i = 0; i < ids_BT.size(1); ++i)
      rows[static_cast<std::size_t>(row)].push_back(ids_BT[row][i].item<std::int64_t>());
  return rows;
}

// Compares logits, which are log p but for a constant a place, and a continuation.
void check_equal(const Transformer& model, const std::string& name, const Answer& theirs) {
  const at::NoGradGuard no_gradient;
  const auto ours = model.log_probabilities(model.features(theirs["ids"], {}).flatten(0, 1)),
             expected = theirs["logits"].flatten(0, 1).log_softmax(-1);
  const double error =
      (ours - expected).abs().max().item<double>() / expected.abs().max().item<double>();
  const bool same = greedy(model, theirs.ids("prompt")) == theirs.ids("continuation");
  std::printf("%-48s logits %.1e relative, %lld greedy tokens %s\n", name.c_str(), error,
              static_cast<long long>(kNewTokens), same ? "equal" : "DIFFERENT");
  std::fflush(stdout);
  CHECK(error <= kLimit);
  CHECK(same);
}

// A model, where it went, and texts for its tokenizer.
struct Comparison {
  std::string name, model_type;
  fs::path exported;
  Json texts = Json::array();
};

// Has a program of this folder answer for all models, since starting it takes longer than they do.
void ask(const std::string& program, const std::vector<Comparison>& comparisons,
         std::int64_t vocab_size) {
  std::vector<fs::path> paths;
  for (const Comparison& comparison : comparisons) {
    const at::Tensor ids_BT = at::randint(vocab_size, {2, 13}, at::TensorOptions(at::kLong));
    Json request{{"ids", nested(ids_BT)},
                 {"prompt", {1, 4, 2, 7, 5}},
                 {"max_new_tokens", kNewTokens},
                 {"texts", comparison.texts}};
    // transformers makes the biases of so many positions only.
    if (comparison.model_type == "mpt") request["options"] = {{"max_seq_len", 256}};
    write_json(beside(comparison.exported, ".request.json"), request);
    paths.push_back(comparison.exported);
  }
  run_program(program, paths);
}

std::unique_ptr<Tokenizer> no_tokenizer(std::int64_t vocab_size) {
  TokenizerConfig config;
  config.kind = TokenizerKind::Ids;
  config.vocab_size = vocab_size;
  return build_tokenizer(config, {});
}

Shape with(Shape shape, const std::string& model, const std::string& position = "",
           const std::string& embedding = "") {
  shape.model = model;
  if (!position.empty()) shape.position = position;
  if (!embedding.empty()) shape.embedding = embedding;
  return shape;
}

TEST_CASE("transformers computes what an exported model of random weights does") {
  python();
  const Shape mpt = testing::mpt_shape(), llama = testing::llama_shape(),
              gpt_neox = testing::gpt_neox_shape();
  const std::pair<const char*, Shape> cases[] = {
      {"mpt, 6 heads", mpt},
      {"mpt, untied", with(mpt, mpt.model, "", testing::kUntied)},
      {"llama, grouped heads", llama},
      {"llama, untied, biases",
       with(llama, "ffn_dim: 40, activation: swiglu, norm: rmsnorm", "", testing::kUntied)},
      {"llama, pairs of neighbours", with(llama, llama.model, "{kind: rotary}")},
      {"gpt_neox, half of a head, parallel", gpt_neox},
      {"gpt_neox, untied, one after the other",
       with(gpt_neox, "ffn_dim: 40, activation: gelu_tanh", "{kind: rotary, pairing: half_split}",
            testing::kUntied)},
      {"gpt_neox, relu, pairs of neighbours",
       with(gpt_neox, "ffn_dim: 40", "{kind: rotary, fraction: 0.5}")},
      {"gpt_neox, attention without biases",
       with(gpt_neox, gpt_neox.model + ", attention_bias: false")},
      {"mpt, clip_qkv, score_scale",
       with(mpt, mpt.model + ", clip_qkv: 0.4", "{kind: alibi, score_scale: 0.9}")},
      {"llama, head_dim 6, biases of attention",
       with(llama, llama.model + ", head_dim: 6, attention_bias: true")},
      {"bloom", testing::bloom_shape()},
  };
  const testing::TemporaryFolder folder;
  std::vector<Comparison> comparisons;
  for (const auto& [name, shape] : cases) {
    const auto out = folder.path() / name;
    export_huggingface(OurModel(shape.yaml(), 31).portable(), *no_tokenizer(31), out,
                       {.max_file_bytes = 20'000});
    comparisons.push_back({name, shape.model_type, out});
  }
  ask("transformers_logits.py", comparisons, 31);
  for (const auto& [name, shape] : cases) {
    INFO(name);
    check_equal(OurModel(shape.yaml(), 31).model(), name, Answer(folder.path() / name));
  }
}

TEST_CASE("transformers' own models of random weights compute the same when they are imported") {
  python();
  const testing::TemporaryFolder folder;
  run_program("transformers_models.py", {folder.path()});
  std::set<fs::path> models;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.is_directory()) models.insert(entry.path());
  REQUIRE(models.size() == 16);
  for (const fs::path& model : models) {
    const std::string name = model.filename().string();
    INFO(name);
    const OurModel ours(import_huggingface(model));
    check_equal(ours.model(), "import: " + name, Answer(model));
  }
}

// The ids of a prompt, as generate has them.
Ids ids_of(const Tokenizer& tokenizer, std::string_view text) {
  Ids ids{tokenizer.start_id()};
  for (;;) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    tokenizer.encode_line(line.substr(0, line.find('\r')), ids);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (tokenizer.ends_line(ids.back())) ids.pop_back();
  return ids;
}

TEST_CASE("transformers computes what the runs of configs/export-*.yaml do, from their texts") {
  python();
  const std::string words =
      "The river , which \u00E9\u4E16\U0001F600 was x<unk>y <unk> of </s> 1984 .";
  const std::string lines = words + "\n\n = = " + words + "\n";
  struct Case {
    const char *config, *model_type;
    Json texts;
  };
  const Case cases[] = {
      {"export-mpt", "mpt", {"", words, lines, " a\tb\u00A0c\u2003d\u001Ce ", "</s></s> <s>"}},
      {"export-llama", "llama", {"", words, lines, " a  b ", "  <s></s><0x0A>\r\n"}},
      {"export-gpt-neox", "gpt_neox", {"", words, lines, "\u0000\u007F \t"}}};
  for (const auto& [config, model_type, texts] : cases) {
    INFO(config);
    const testing::TemporaryFolder folder;
    const auto file = testing::source_folder() / "configs" / (std::string(config) + ".yaml");
    const auto run = folder.path() / "run", out = folder.path() / "out";
    const auto trained = testing::longspan_program(
        {"train", file.string(), "--run", run.string(), "--quiet", "--set",
         "data.train={synthetic: {seed: 1, num_articles: 60}}", "--set",
         "data.shards=" + (folder.path() / "shards").string(), "--set", "train.batch_tokens=1024",
         "--set", "train.max_steps=20", "--set", "validate.max_targets=100"},
        folder.path());
    INFO(trained.err);
    REQUIRE(trained.code == 0);
    const auto exported = testing::longspan_program(
        {"export", run.string(), "--to", "huggingface", "--output", out.string()}, folder.path());
    INFO(exported.err);
    REQUIRE(exported.code == 0);
    const TrainedRun opened = open_run(find_run(run, "best"));
    ask("transformers_logits.py", {{config, model_type, out, texts}}, opened.model.vocab_size());
    const Answer theirs(out);
    check_equal(opened.model, config, theirs);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto text = texts[i].get<std::string>();
      INFO("text " << i << ": " << text);
      const Ids ids = ids_of(*opened.tokenizer, text);
      CHECK(theirs.ids(concat("text.", i)) == ids);
      CHECK(theirs.text(concat("decoded.", i)) ==
            opened.tokenizer->decode(std::span(ids).subspan(1)));
    }
  }
}

}  // namespace
}  // namespace longspan
