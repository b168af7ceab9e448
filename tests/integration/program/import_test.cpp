// Other projects' models through the program: imported, then evaluated.

#include <cmath>

#include "longspan/checkpoint/safetensors.h"
#include "support/paths.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::Finished;
using testing::TinyRun;

const std::filesystem::path kRecordings = testing::source_folder() / "tests/golden";

std::filesystem::path recorded_checkpoint() { return kRecordings / "fairseq_checkpoint/alibi"; }

Finished import_from(const TinyRun& tiny, const std::filesystem::path& checkpoint,
                     const std::filesystem::path& dictionary,
                     const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"import",       "--from",
                                 "fairseq",      checkpoint.string(),
                                 "--output",     tiny.path("run").string(),
                                 "--position",   "{kind: alibi}",
                                 "--dictionary", dictionary.string()};
  words.insert(words.end(), more.begin(), more.end());
  return tiny.run(words);
}

void check_refused(const TinyRun& tiny, const Finished& result, int code,
                   const std::vector<std::string>& parts) {
  INFO(result.err);
  CHECK(result.code == code);
  CHECK_THAT(result.err, ContainsSubstring("longspan: error: "));
  for (const auto& part : parts) CHECK_THAT(result.err, ContainsSubstring(part));
  CHECK(result.out.empty());
  CHECK_FALSE(std::filesystem::exists(tiny.path("run")));
}

// The recorded stream as text: the dictionary's word for each id, a line break for </s>.
std::string text_of(const at::Tensor& ids) {
  std::string text;
  for (std::int64_t i = 0; i < ids.numel(); ++i) {
    const auto id = ids[i].item<std::int64_t>();
    text += id == 2 ? "\n" : "w" + std::to_string(id) + " ";
  }
  return text;
}

TEST_CASE("import: a fairseq checkpoint becomes a run that evaluates to the recorded perplexity") {
  const auto source = recorded_checkpoint();
  const TinyRun tiny;
  const auto imported = import_from(tiny, source / "checkpoint_fp32.pt", source / "dict.txt",
                                    {"--json", "--set", "name=theirs"});
  INFO(imported.err);
  REQUIRE(imported.code == 0);
  const Json result = Json::parse(imported.out);
  CHECK(result.at("vocab_size") == 300);
  CHECK(result.at("train_length") == 32);
  CHECK(result.at("parameters") == read_json(source / "manifest.json").at("n_params"));
  for (const auto& saved : read_safetensors(source / "tensors.safetensors"))
    if (saved.name == "stream.ids")
      write_file_durably(tiny.path("text.txt"), text_of(saved.tensor));
  const auto evaluated =
      tiny.run({"evaluate", tiny.path("run").string(), "--split", tiny.path("text.txt").string(),
                "--lengths", "64", "--json", "--threads", "1"});
  INFO(evaluated.err);
  REQUIRE(evaluated.code == 0);
  const Json cell = Json::parse(evaluated.out).at("cells").at(0);
  CHECK(cell.at("run") == "theirs");
  const Json manifest = read_json(source / "manifest.json");
  for (const auto& run : manifest.at("runs"))
    if (run.at("tensor") == "score.fp32.L64_S64")
      CHECK(std::abs(cell.at("loss_nats").get<double>() - run.at("mean_nll_nats").get<double>()) <
            1e-5);
  const auto again = import_from(tiny, source / "checkpoint_fp32.pt", source / "dict.txt");
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("--output must name a folder"));
}

TEST_CASE("import: bad inputs end in one line and leave nothing") {
  const auto source = recorded_checkpoint();
  const TinyRun tiny;
  const auto checkpoint = source / "checkpoint_fp32.pt";
  check_refused(tiny, import_from(tiny, source / "dict.txt", source / "dict.txt"), 3,
                {"dict.txt", "must be a PyTorch checkpoint"});
  check_refused(tiny, import_from(tiny, tiny.path("none.pt"), source / "dict.txt"), 3, {"none.pt"});
  check_refused(tiny, import_from(tiny, checkpoint, tiny.path("none.txt")), 3,
                {"data.tokenizer.dictionary", "none.txt"});
  write_file_durably(tiny.path("short.txt"), "w4 1\nw5 1\n");
  check_refused(tiny, import_from(tiny, checkpoint, tiny.path("short.txt")), 3,
                {"as many ids as the model (300), got 6"});
  check_refused(
      tiny, import_from(tiny, checkpoint, source / "dict.txt", {"--set", "position.kind=alibbi"}),
      2, {"position.kind", "alibi"});
}

TEST_CASE("import: an override that is not the model's is refused") {
  const auto source = recorded_checkpoint();
  const TinyRun tiny;
  check_refused(tiny,
                import_from(tiny, source / "checkpoint_fp32.pt", source / "dict.txt",
                            {"--set", "model.num_layers=3"}),
                4, {"layers.2.attn_norm.weight"});
}

TEST_CASE("import: usage errors") {
  const TinyRun tiny;
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"import", "x.pt", "--output", tiny.path("run").string()};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.run(words);
  };
  check_refused(tiny, run({}), 2, {"--from"});
  check_refused(tiny, run({"--from", "keras"}), 2, {"--from", "keras"});
  check_refused(tiny, run({"--from", "fairseq"}), 2, {"--position"});
  check_refused(tiny, run({"--from", "fairseq", "--position", "alibi"}), 2, {"--dictionary"});
  check_refused(tiny, run({"--from", "huggingface", "--position", "alibi"}), 2,
                {"--position has no effect"});
  check_refused(tiny, run({"--from", "huggingface"}), 3, {"x.pt"});
}

TEST_CASE("import: a folder without a tokenizer is read with ids") {
  const auto source = kRecordings / "hf_mpt/model";
  const TinyRun tiny;
  const auto imported = tiny.run(
      {"import", "--from", "huggingface", source.string(), "--output", tiny.path("run").string()});
  INFO(imported.err);
  REQUIRE(imported.code == 0);
  CHECK_THAT(imported.err, ContainsSubstring("decimal ids"));
  write_file_durably(tiny.path("text.txt"), "1 2 3 4 5\n6 7 8 9 10 11\n");
  const auto evaluated = tiny.run({"evaluate", tiny.path("run").string(), "--split",
                                   tiny.path("text.txt").string(), "--lengths", "4"});
  INFO(evaluated.err);
  CHECK(evaluated.code == 0);
  write_file_durably(tiny.path("words.txt"), "no ids\n");
  const auto refused = tiny.run({"evaluate", tiny.path("run").string(), "--split",
                                 tiny.path("words.txt").string(), "--lengths", "4"});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, ContainsSubstring("must be decimal ids"));
}

// The recorded MPT with one of its tensors filled.
std::filesystem::path changed_model(const TinyRun& tiny, const std::string& tensor, double value) {
  const auto folder = tiny.path("changed");
  std::filesystem::copy(kRecordings / "hf_mpt/model", folder);
  NamedTensors tensors = read_safetensors(folder / "model.safetensors");
  for (auto& one : tensors)
    if (one.name == tensor) one.tensor.fill_(value);
  write_safetensors(folder / "model.safetensors", tensors);
  return folder;
}

TEST_CASE("import: weights that are no numbers end with 5, as an evaluation to no number does") {
  const TinyRun tiny;
  const auto import_changed = [&](double value) {
    const auto folder = changed_model(tiny, "transformer.norm_f.weight", value);
    const auto result = tiny.run({"import", "--from", "huggingface", folder.string(), "--output",
                                  tiny.path("run").string()});
    std::filesystem::remove_all(folder);
    return result;
  };
  check_refused(tiny, import_changed(std::nan("")), 5,
                {"transformer.norm_f.weight must hold finite numbers"});
  REQUIRE(import_changed(3e38).code == 0);  // the logits overflow
  write_file_durably(tiny.path("text.txt"), "1 2 3 4 5\n6 7 8 9 10 11\n");
  const auto evaluated = tiny.run({"evaluate", tiny.path("run").string(), "--split",
                                   tiny.path("text.txt").string(), "--lengths", "4"});
  INFO(evaluated.err);
  CHECK(evaluated.code == 5);
  CHECK_THAT(evaluated.err, ContainsSubstring("the loss at length 4 must be a finite number"));
  CHECK_FALSE(std::filesystem::exists(tiny.path("run") / "evaluations/text.json"));
}

}  // namespace
}  // namespace longspan
