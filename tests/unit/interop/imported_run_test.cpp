// The folder that an imported model becomes.

#include "longspan/interop/imported_run.h"

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/config/reader.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

PortableModel tiny_model() {
  PortableModel model;
  model.config_yaml = "model: {num_layers: 1}\nposition: {kind: none}\n";
  model.parameters = {{"w", at::arange(6, at::kFloat).view({2, 3})}};
  model.vocab_size = 5;
  model.seq_len = 16;
  return model;
}

std::unique_ptr<Tokenizer> ids(std::int64_t vocab_size) {
  TokenizerConfig config;
  config.kind = TokenizerKind::Ids;
  config.vocab_size = vocab_size;
  return build_tokenizer(config, {});
}

TEST_CASE("imported run: a checkpoint of step 0 with tokenizer and configuration") {
  const testing::TemporaryFolder folder;
  const auto run = folder.path() / "deep" / "run";
  write_imported_run(run, tiny_model(), *ids(5), "name: run\n");
  CHECK(read_file(run / "config.yaml") == "name: run\n");
  const auto checkpoint = find_checkpoint(run, "best");
  CHECK(checkpoint == run / "checkpoints" / "step-000000000");
  CHECK(find_checkpoint(run, "latest") == checkpoint);
  CHECK_NOTHROW(verify_checkpoint(checkpoint));
  const auto contents = load_checkpoint(checkpoint);
  CHECK(contents.config_yaml == "name: run\n");
  REQUIRE(contents.model.size() == 1);
  CHECK(contents.model[0].tensor.equal(tiny_model().parameters[0].tensor));
  CHECK(load_tokenizer(checkpoint / "tokenizer")->fingerprint() == ids(5)->fingerprint());
  CHECK_FALSE(std::filesystem::exists(run / "tokenizer"));
}

TEST_CASE("imported run: nothing is left when it cannot be made") {
  const testing::TemporaryFolder folder;
  const auto refusal = [&](const std::filesystem::path& run, std::int64_t vocab_size) {
    try {
      write_imported_run(run, tiny_model(), *ids(vocab_size), "name: run\n");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(refusal(folder.path() / "run", 6),
             ContainsSubstring("as many ids as the model (5), got 6"));
  CHECK(std::filesystem::is_empty(folder.path()));
  write_file_durably(folder.path() / "file", "x");
  CHECK_THAT(refusal(folder.path(), 5), ContainsSubstring("--output must name a folder"));
  CHECK_THAT(refusal(folder.path() / "file", 5), ContainsSubstring("--output must name a folder"));
}

TEST_CASE("imported run: the configuration names model, data and tokenizer") {
  const auto document =
      config::Document::from_text(imported_config(tiny_model(), "a: b", "{kind: bytes}"), "c.yaml");
  CHECK(document.root().text("name") == "a: b");
  const auto data = document.root().section("data");
  CHECK(data.integer("seq_len", {}) == 16);
  CHECK(data.section("tokenizer").text("kind") == "bytes");
  CHECK(document.root().section("train").integer("batch_tokens", {}) == 128);
}

}  // namespace
}  // namespace longspan
