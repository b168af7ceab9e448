// Exported models in transformers itself: logits, greedy continuations, the tokenizers' ids. Runs
// where PYTHON names an interpreter with transformers (scripts/compare-transformers).

#include <ATen/ops/randint.h>

#include <cstdio>
#include <cstdlib>

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

// What transformers makes of a folder.
class Transformers {
 public:
  Transformers(const fs::path& folder, const Json& request) {
    const testing::TemporaryFolder work;
    write_json(work.path() / "request.json", request);
    const auto answer = work.path() / "answer.safetensors", log = work.path() / "log";
    const auto program =
        testing::source_folder() / "tests/differential/transformers/transformers_logits.py";
    const int status = std::system(concat(python(), " '", program.string(), "' '", folder.string(),
                                          "' '", (work.path() / "request.json").string(), "' '",
                                          answer.string(), "' >'", log.string(), "' 2>&1")
                                       .c_str());
    INFO(read_file(log));
    REQUIRE(status == 0);
    answer_ = read_safetensors(answer);
  }
  at::Tensor operator[](const std::string& name) const {
    for (const auto& one : answer_)
      if (one.name == name) return one.tensor;
    FAIL("transformers gave no " << name);
    return {};
  }
  Ids ids(const std::string& name) const {
    const at::Tensor tensor = (*this)[name].to(at::kInt).contiguous();
    const auto* begin = tensor.const_data_ptr<std::int32_t>();
    return {begin, begin + tensor.numel()};
  }
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

struct Comparison {
  const Transformer& model;
  std::string name, model_type;
  Json texts = Json::array();
};

// Compares logits, which are log p but for a constant a place, and a continuation.
Transformers compare(const Comparison& comparison, const fs::path& folder) {
  const at::Tensor ids_BT =
      at::randint(comparison.model.vocab_size(), {2, 13}, at::TensorOptions(at::kLong));
  const Ids prompt{1, 4, 2, 7, 5};
  Json request{{"ids", nested(ids_BT)},
               {"prompt", prompt},
               {"max_new_tokens", kNewTokens},
               {"texts", comparison.texts}};
  // transformers makes the biases of so many positions only.
  if (comparison.model_type == "mpt") request["options"] = {{"max_seq_len", 256}};
  Transformers theirs(folder, request);
  const at::NoGradGuard no_gradient;
  const auto features_ND = comparison.model.features(ids_BT, {}).flatten(0, 1);
  const auto ours = comparison.model.log_probabilities(features_ND),
             expected = theirs["logits"].flatten(0, 1).log_softmax(-1);
  const double error =
      (ours - expected).abs().max().item<double>() / expected.abs().max().item<double>();
  const bool same = greedy(comparison.model, prompt) == theirs.ids("continuation");
  std::printf("%-44s logits %.1e relative, %lld greedy tokens %s\n", comparison.name.c_str(), error,
              static_cast<long long>(kNewTokens), same ? "equal" : "DIFFERENT");
  std::fflush(stdout);
  CHECK(error <= kLimit);
  CHECK(same);
  return theirs;
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
  };
  for (const auto& [name, shape] : cases) {
    INFO(name);
    const testing::TemporaryFolder folder;
    const OurModel ours(shape.yaml(), 31);
    const auto out = folder.path() / "out";
    export_huggingface(ours.portable(), *no_tokenizer(31), out, {.max_file_bytes = 20'000});
    compare({ours.model(), name, shape.model_type}, out);
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
    const Transformers theirs = compare({opened.model, config, model_type, texts}, out);
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
