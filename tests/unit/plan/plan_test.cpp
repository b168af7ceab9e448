// A plan: what stands in for the text, and what it counts.

#include "longspan/plan/plan.h"

#include "longspan/core/error.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TemporaryFolder;

RunConfig read(const std::string& name, const std::vector<std::string>& overrides = {}) {
  const auto path = testing::source_folder() / "configs" / (name + ".yaml");
  return read_run_config(config::Document::from_file(path, overrides));
}

TEST_CASE("without shards a plan takes the sizes it is given, or says which") {
  const TemporaryFolder folder;
  const std::vector<std::string> no_shards{"data.shards=" + folder.path().string()};
  try {
    make_plan(read("wikitext103", {no_shards.front(), "data.expect=none"}), {});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    CHECK_THAT(error.what(),
               ContainsSubstring("longspan prepare") && ContainsSubstring("--vocab-size") &&
                   ContainsSubstring("--train-tokens") && ContainsSubstring("data.expect"));
  }
  const auto no_text = make_plan(read("wikitext103", {no_shards.front(), "data.expect=none"}),
                                 {.vocab_size = 267744});
  CHECK(no_text.corpus.empty());
  CHECK(no_text.parameters == 246933504);
  CHECK(no_text.blocks == 0);
  CHECK(no_text.steps_per_epoch == 0);
  CHECK(no_text.steps == 286000);
  CHECK_FALSE(no_text.device_hours.has_value());
}

TEST_CASE("without shards a plan takes the counts of the corpus that data.expect names") {
  const TemporaryFolder folder;
  const auto plan = make_plan(read("wikitext103", {"data.shards=" + folder.path().string()}), {});
  CHECK(plan.corpus == "wikitext-103");
  CHECK(plan.vocab_size == 267744);
  CHECK(plan.train_tokens == 103227021);
  CHECK(plan.parameters == 246933504);
  // Another tokenizer would give other counts.
  CHECK_THROWS_AS(make_plan(read("wikitext103", {"data.shards=" + folder.path().string(),
                                                 "data.tokenizer.pad_multiple=1"}),
                            {}),
                  Error);
}

TEST_CASE("a run that time alone limits has no number of steps") {
  const auto plan = make_plan(
      read("tests/tiny", {"train.max_steps=0", "train.max_seconds=5", "schedule.period_steps=10"}),
      {.vocab_size = 40, .train_tokens = 1000});
  CHECK(plan.steps == 0);
  CHECK(plan.tokens == 0);
}

TEST_CASE("the plans of the paper's other texts") {
  const auto books = make_plan(read("bookcorpus"), {.train_tokens = 700000000});
  CHECK(books.parameters == 16 * 12596224 + 29000 * 1024);  // about 231 million
  CHECK(books.steps_per_epoch > 0);
  const auto large = make_plan(read("cc100-1.3b"), {});
  CHECK(large.parameters > 1300000000);
  CHECK(large.parameters < 1400000000);
  CHECK(large.steps == 50000);
  CHECK(large.memory.optimizer == 8 * large.parameters);
  CHECK(large.memory.activations == large.memory.activations_checkpointed);
  CHECK(large.memory.activations < large.memory.activations_kept / 4);
}

TEST_CASE("a plan counts what a model of all layers has") {
  for (const auto* kind : {"alibi", "t5", "t5, shared: false", "learned"}) {
    const auto config =
        read("tests/tiny", {"model.num_layers=3", concat("position={kind: ", kind, "}")});
    const auto plan = make_plan(config, {.vocab_size = 40, .train_tokens = 1000});
    CHECK(plan.parameters == make_model(config, 40).num_parameters());
    CHECK(plan.memory.optimizer == 8 * plan.parameters);
    CHECK(plan.memory.total() == 16 * plan.parameters + plan.memory.activations);
  }
  CHECK(make_plan(read("tests/tiny", {"train.micro_batch_tokens=auto"}), {.vocab_size = 40})
            .micro_batch_tokens == 16);
}

}  // namespace
}  // namespace longspan
