// What a run that goes on may change: every key of every configuration has a rule.

#include "longspan/run/config_changes.h"

#include <algorithm>

#include "longspan/config/leaves.h"
#include "longspan/core/error.h"
#include "longspan/position/position.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Texts = std::vector<std::string>;

const std::filesystem::path kConfig = testing::source_folder() / "configs/tests/tiny.yaml";

RunConfig read(const Texts& overrides = {}, const std::filesystem::path& file = kConfig) {
  return read_run_config(config::Document::from_file(file, overrides));
}

// "key before -> now" of each change, with ! behind those that are fixed.
Texts changes(const Texts& before, const Texts& now) {
  Texts texts;
  for (const auto& change : config_changes(read(before).resolved, "saved", read(now)))
    texts.push_back(concat(change.key, " ", change.before, " -> ", change.now,
                           change.rule == KeyRule::Fixed ? "!" : ""));
  return texts;
}

void check_all_have_rules(const RunConfig& config) {
  const auto keys = config::leaves(config.resolved, "resolved");
  CHECK(keys.size() > 40);
  for (const auto& [key, value] : keys) {
    INFO(key << ": " << value);
    CHECK(rule_of(key).has_value());
  }
}

TEST_CASE("every key of the resolved configuration has a rule") {
  for (const auto& kind : position_kinds()) check_all_have_rules(read({"position.kind=" + kind}));
  for (const auto& kind : optimizer_kinds())
    check_all_have_rules(read({"optimizer={kind: " + kind + "}"}));
  for (const char* kind : {"cosine", "linear", "inverse_sqrt", "constant"})
    check_all_have_rules(read({concat("schedule={kind: ", kind, ", peak_lr: 1.0}")}));
  check_all_have_rules(read({"train.precision=fp16", "data.test={synthetic: {seed: 3}}",
                             "model.init={from: elsewhere}", "data.tokenizer={kind: bytes}",
                             "model.embedding={kind: adaptive, cutoffs: [40, 200]}"}));
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::source_folder() / "configs"))
    if (entry.path().extension() == ".yaml") check_all_have_rules(read({}, entry.path()));
}

TEST_CASE("a key that no one knows has no rule, nor has one that only begins like another") {
  for (const char* key : {"log.colour", "train.batch_tokens_2", "seeds", "train", ""})
    CHECK_FALSE(rule_of(key).has_value());
  CHECK(rule_of("optimizer.kind") == KeyRule::Fixed);
  CHECK(rule_of("optimizer.clip_norm") == KeyRule::Free);
  CHECK(rule_of("model.dropout.head") == KeyRule::Fixed);
}

TEST_CASE("each change is named with what was and what is") {
  CHECK(changes({}, {}).empty());
  CHECK(changes({}, {"seed=8"}) == Texts{"seed 7 -> 8!"});
  CHECK(changes({}, {"log.every_steps=5", "train.max_seconds=9"}) ==
        Texts{"train.max_seconds 0 -> 9", "log.every_steps 2 -> 5"});
  CHECK(changes({}, {"model.dropout.head=0.2"}) == Texts{"model.dropout.head 0.1 -> 0.2!"});
  CHECK(changes({}, {"validate.lengths=[16, 32]"}) == Texts{"validate.lengths [16] -> [16, 32]"});
}

TEST_CASE("options that came or went with another kind are absent on one side") {
  const auto texts = changes({"position={kind: t5}"}, {"position={kind: none}"});
  CHECK(std::ranges::find(texts, "position.kind t5 -> none!") != texts.end());
  CHECK(std::ranges::count_if(
            texts, [](const std::string& text) { return text.ends_with(" -> absent!"); }) > 0);
}

TEST_CASE("a period that follows the number of steps is named too") {
  CHECK(changes({}, {"train.max_steps=40"}) ==
        Texts{"train.max_steps 20 -> 40", "schedule.period_steps 17 -> 37"});
  CHECK(changes({"schedule.period_steps=17"}, {"schedule.period_steps=17", "train.max_steps=40"}) ==
        Texts{"train.max_steps 20 -> 40"});
}

TEST_CASE("micro-batches are fixed where they decide the order of sequences") {
  CHECK(changes({}, {"train.micro_batch_tokens=32"}) == Texts{"train.micro_batch_tokens 64 -> 32"});
  CHECK(changes({"data.order=fairseq"}, {"data.order=fairseq", "train.micro_batch_tokens=32"}) ==
        Texts{"train.micro_batch_tokens 64 -> 32!"});
}

TEST_CASE("a key that an older version did not know has its fallback") {
  std::string saved = read().resolved;
  const auto line = saved.find("  bind_cores:");
  REQUIRE(line != std::string::npos);
  saved.erase(line, saved.find('\n', line) + 1 - line);
  CHECK(config_changes(saved, "saved", read()).empty());
}

}  // namespace
}  // namespace longspan
