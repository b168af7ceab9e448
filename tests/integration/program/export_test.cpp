// Runs that go out through the program, and what is said of those that cannot.

#include <cerrno>
#include <cstdlib>
#include <map>

#include "longspan/checkpoint/checkpoint.h"
#include "support/paths.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::Finished;
using testing::TinyRun;
using Words = std::vector<std::string>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

// A few steps of one of the configurations whose runs go out.
class ExportableRun {
 public:
  explicit ExportableRun(const std::string& config) {
    const auto file = testing::source_folder() / "configs" / config;
    const auto result =
        tiny.run({"train", file.string(), "--run", tiny.path("run").string(), "--threads", "1",
                  "--quiet", "--set", "data.train={synthetic: {seed: 1, num_articles: 60}}",
                  "--set", "data.valid={synthetic: {seed: 2, num_articles: 2}}", "--set",
                  "data.shards=" + tiny.path("shards").string(), "--set", "train.batch_tokens=256",
                  "--set", "train.max_steps=2", "--set", "validate.max_targets=100"});
    INFO(result.err);
    REQUIRE(result.code == 0);
  }

  const TinyRun tiny;
  Finished exported(const Words& more = {}) const {
    Words words{"export",   tiny.path("run").string(), "--to", "huggingface",
                "--output", tiny.path("out").string()};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.run(words);
  }
  NamedTensors weights(const std::string& run) const {
    return load_checkpoint_model(find_checkpoint(tiny.path(run), "best")).model;
  }
};

void check_refused(const Finished& result, int code, const std::string& part) {
  INFO(result.err);
  CHECK(result.code == code);
  CHECK(result.err.starts_with("longspan: error: "));
  CHECK_THAT(result.err, ContainsSubstring(part));
  CHECK(std::ranges::count(result.err, '\n') == 1);
  CHECK(result.out.empty());
}

void check_same(const NamedTensors& got, const NamedTensors& wanted) {
  std::map<std::string, at::Tensor> by_name;
  for (const auto& [name, tensor] : got) by_name.emplace(name, tensor);
  CHECK(by_name.size() == wanted.size());
  for (const auto& [name, tensor] : wanted) {
    INFO(name);
    CHECK(by_name.at(name).equal(tensor));
  }
}

TEST_CASE("export: the runs of configs/export-*.yaml go out whole and come back") {
  struct Case {
    const char *config, *architecture, *tokenizer;
    std::size_t num_files;
  };
  for (const auto& [config, architecture, tokenizer, num_files] :
       {Case{"export-mpt.yaml", "mpt", "word", 5},
        Case{"export-llama.yaml", "llama", "sentencepiece", 5},
        Case{"export-gpt-neox.yaml", "gpt_neox", "bytes", 4},
        Case{"export-bloom.yaml", "bloom", "bytes", 4}}) {
    INFO(config);
    const ExportableRun run(config);
    const auto exported = run.exported({"--json"});
    INFO(exported.err);
    REQUIRE(exported.code == 0);
    const Json result = Json::parse(exported.out);
    CHECK(result["architecture"] == architecture);
    CHECK(result["tokenizer"] == "tokenizer.json");
    CHECK(result["checkpoint_step"] == 2);
    CHECK(result["train_length"] == 64);
    CHECK(result["files"].size() == num_files);
    const auto imported =
        run.tiny.run({"import", "--from", "huggingface", run.tiny.path("out").string(), "--output",
                      run.tiny.path("again").string(), "--quiet", "--json"});
    INFO(imported.err);
    REQUIRE(imported.code == 0);
    CHECK(Json::parse(imported.out)["tokenizer"] == tokenizer);
    const auto fingerprint = [&](const char* name) {
      const auto folder = find_checkpoint(run.tiny.path(name), "best") / "tokenizer";
      return read_json(folder / "tokenizer.json")["fingerprint"];
    };
    CHECK(fingerprint("again") == fingerprint("run"));
    check_same(run.weights("again"), run.weights("run"));
  }
}

TEST_CASE("export: text, type and checkpoint as asked") {
  const ExportableRun run("export-mpt.yaml");
  const auto result = run.exported({"--dtype", "bf16", "--checkpoint", "latest"});
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.out,
             ContainsSubstring("mpt, ") && ContainsSubstring(" parameters in bf16, "
                                                             "step 2, tokenizer "
                                                             "tokenizer.json, 5 files"));
  CHECK_THAT(read_file(run.tiny.path("out/config.json")), ContainsSubstring("\"bfloat16\""));
  check_refused(run.exported(), 2, "--output must name a folder that does not exist or is empty");
  check_refused(run.exported({"--dtype", "int8"}), 2, "--dtype");
}

TEST_CASE("export: a run that no architecture has ends with 2 and what would have to change") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const auto exported = [&](const std::string& to) {
    return tiny.run(
        {"export", tiny.path("run").string(), "--to", to, "--output", tiny.path("out").string()});
  };
  check_refused(exported("huggingface"), 2,
                "; for mpt: model.embedding.scale = false, model.bias = false, model.activation = "
                "gelu, model.ffn_dim = 128");
  check_refused(exported("keras"), 2, "--to");
  CHECK_FALSE(fs::exists(tiny.path("out")));
}

// The export while writes below `out` fail with ENOSPC, some having gone well.
Finished export_to_full_disk(const ExportableRun& run, int writes_before) {
  const auto library =
      testing::program_file().parent_path().parent_path() / "tests/support/failing_calls.so";
  REQUIRE(fs::exists(library));
  const std::vector<std::pair<const char*, std::string>> variables{
      {"LD_PRELOAD", library.string()},
      {"LONGSPAN_FAIL_CALLS", "write"},
      {"LONGSPAN_FAIL_ERRNO", std::to_string(ENOSPC)},
      {"LONGSPAN_FAIL_PATH", run.tiny.path("out").string()},
      {"LONGSPAN_FAIL_AFTER", std::to_string(writes_before)}};
  for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);
  const auto result = run.exported();
  for (const auto& [name, value] : variables) ::unsetenv(name);
  return result;
}

TEST_CASE("export: a disk that is full is one line, and nothing is left") {
  if (kIsSanitized) SKIP("a preloaded library and the runtime of a sanitizer exclude each other");
  const ExportableRun run("export-gpt-neox.yaml");
  int writes = 0;
  for (; writes < 40; ++writes) {
    const auto result = export_to_full_disk(run, writes);
    if (result.code == 0) break;
    check_refused(result, 3, "No space left on device");
    CHECK_THAT(result.err, ContainsSubstring("/out must be written whole: "));
    CHECK_FALSE(fs::exists(run.tiny.path("out")));
    CHECK_FALSE(fs::exists(run.tiny.path("out.staged")));
  }
  CHECK(writes >= 4);  // at least one a file
  CHECK(writes < 40);
}

}  // namespace
}  // namespace longspan
