// Exported models in transformers itself, and its own models imported: logits, greedy
// continuations, the tokenizers' ids. Runs where PYTHON names an interpreter with transformers
// (scripts/compare-transformers).

#include <set>

#include "differential/other_programs/other_program.h"
#include "longspan/interop/exported_folder.h"
#include "longspan/run/run.h"
#include "support/paths.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::Answer;
using testing::ask;
using testing::check_equal;
using testing::Comparison;
using testing::Ids;
using testing::no_tokenizer;
using testing::OurModel;
using testing::python_with;
using testing::Shape;
using testing::with;

constexpr const char* kPackages = "safetensors, torch, transformers";

TEST_CASE("transformers computes what an exported model of random weights does") {
  python_with(kPackages);
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
  python_with(kPackages);
  const testing::TemporaryFolder folder;
  testing::run_program("transformers_models.py", {folder.path()});
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
  python_with(kPackages);
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
      {"export-gpt-neox", "gpt_neox", {"", words, lines, "\u0000\u007F \t"}},
      {"export-bloom", "bloom", {"", words, lines, "\u0000\u007F \t"}}};
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
