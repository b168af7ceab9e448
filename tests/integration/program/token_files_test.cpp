// Other projects' files of ids in the place of shards, through the whole program.

#include "support/token_files.h"
#include "longspan/core/error.h"
#include "longspan/data/shards.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::Ids;
using testing::TinyRun;
using Words = std::vector<std::string>;

/// A run on shards of bytes, and the same ids in files of another format.
class SameIds {
 public:
  SameIds() {
    const auto result = tiny.train("run", {"--set", "data.tokenizer={kind: bytes}"});
    INFO(result.err);
    REQUIRE(result.code == 0);
  }
  Ids ids_of(const std::string& split) const {
    const TokenStream stream = ShardFolder::open(tiny.path("shards")).stream(split);
    Ids ids(static_cast<std::size_t>(stream.size()));
    stream.copy(0, stream.size(), ids.data());
    return ids;
  }
  std::string write(const std::string& format, const std::string& split, const Ids& ids) const {
    std::filesystem::create_directories(tiny.path(format));
    return testing::write_token_file(tiny.path(format), split, format, ids);
  }
  Words settings(const std::string& format) const {
    Words words{"--set", "data.tokenizer={kind: bytes}", "--set",
                concat("data.shards=", tiny.path(format + "-data").string())};
    for (const std::string split : {"train", "valid"}) {
      const std::string path = write(format, split, ids_of(split));
      const std::string named = format == "nanogpt" ? ", format: nanogpt" : "";
      words.insert(words.end(), {"--set", concat("data.", split, "={tokens: ", path, named, "}")});
    }
    return words;
  }
  TinyRun tiny;
};

Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("the same ids as shards and as each foreign format train to the same bits") {
  const SameIds same;
  const Json step = Json::parse(
      same.tiny.run({"inspect", same.tiny.path("run").string(), "--step", "7", "--json"}).out);
  for (const std::string format : {"nanogpt", "llm.c", "megatron", "fairseq"}) {
    CAPTURE(format);
    const Words settings = same.settings(format);
    const auto result = same.tiny.train(format + "-run", settings);
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK_THAT(result.err, ContainsSubstring("token files are read where they lie split=train"));
    const auto run = same.tiny.path(format + "-run"), shards_run = same.tiny.path("run");
    CHECK(testing::stable_rows(run) == testing::stable_rows(shards_run));
    for (const std::string file : {"model.safetensors", "optimizer.safetensors"})
      CHECK(testing::checkpoint_file(run, 20, file) ==
            testing::checkpoint_file(shards_run, 20, file));

    const auto inspected = same.tiny.run({"inspect", run.string(), "--step", "7", "--json"});
    INFO(inspected.err);
    REQUIRE(inspected.code == 0);
    const Json seen = Json::parse(inspected.out);
    REQUIRE(seen["sequences"].size() == step["sequences"].size());
    for (std::size_t i = 0; i < seen["sequences"].size(); ++i) {
      const Json& sequence = seen["sequences"][i];
      for (const char* key : {"block", "first_token", "tokens", "text"})
        CHECK(sequence[key] == step["sequences"][i][key]);
      CHECK(sequence["places"][0]["file"] == same.tiny.path(format + "/train.bin").string());
    }
  }
}

TEST_CASE("token files: plan, evaluation and inspection take them, and say what they cannot") {
  const SameIds same;
  const TinyRun& tiny = same.tiny;
  const std::string config = tiny.config().string();
  const auto plan = tiny.run(joined({"plan", config, "--json"}, same.settings("llm.c")));
  INFO(plan.err);
  REQUIRE(plan.code == 0);
  CHECK(Json::parse(plan.out)["train_tokens"] == same.ids_of("train").size());
  CHECK_FALSE(std::filesystem::exists(tiny.path("llm.c-data")));

  const auto evaluate = [&](const std::string& split) {
    const auto result = tiny.run({"evaluate", tiny.path("run").string(), "--lengths", "32",
                                  "--split", split, "--json", "--threads", "1"});
    INFO(result.err);
    REQUIRE(result.code == 0);
    return Json::parse(result.out)["cells"][0];
  };
  const Json of_shards = evaluate("valid");
  for (const std::string format : {"nanogpt", "llm.c", "megatron"}) {
    const std::string path = same.write(format, "held-out", same.ids_of("valid"));
    const Json cell = evaluate(format == "nanogpt" ? "nanogpt:" + path : path);
    CHECK(cell["loss_nats"] == of_shards["loss_nats"]);
    CHECK(cell["targets_hash"] == of_shards["targets_hash"]);
    CHECK(cell["bits_per_byte"].is_null());

    const auto inspected = tiny.run({"inspect", path, "--verify", "--json"});
    INFO(inspected.err);
    REQUIRE(inspected.code == 0);
    const Json said = Json::parse(inspected.out);
    CHECK(said["format"] == format);
    CHECK(said["tokens"] == same.ids_of("valid").size());
    CHECK(said["largest_id"].get<int>() < 128);
  }

  const auto no_tokenizer = tiny.run(joined({"prepare", config}, same.settings("megatron")));
  CHECK(no_tokenizer.code == 0);
  const auto trained = tiny.run(joined(
      {"prepare", config}, joined(same.settings("fairseq"), {"--set", "data.tokenizer={}"})));
  CHECK(trained.code == 2);
  CHECK_THAT(trained.err, ContainsSubstring(
                              "data.tokenizer must be one that is there, since data.train is token "
                              "ids without a text: {kind: ids, vocab_size: N}"));
  const auto unknown = tiny.run({"prepare", config, "--set", "data.train={tokens: a, dtype: 2}"});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, ContainsSubstring("unknown key data.train.dtype"));
  const auto too_large = tiny.run(joined(
      {"prepare", config},
      joined(same.settings("nanogpt"), {"--set", "data.tokenizer={kind: ids, vocab_size: 100}"})));
  CHECK(too_large.code == 3);
  CHECK_THAT(too_large.err,
             ContainsSubstring(tiny.path("nanogpt/train.bin").string() + ": token ") &&
                 ContainsSubstring(" must be an id in 0 .. 99 of the vocabulary"));
}

TEST_CASE("token files: a run on ids alone prints ids, and goes on with the same ids only") {
  const SameIds same;
  const TinyRun& tiny = same.tiny;
  const Words words =
      joined(same.settings("megatron"), {"--set", "data.tokenizer={kind: ids, vocab_size: 256}"});
  const Words first =
      joined(words, {"--set", "train.max_steps=6", "--set", "schedule.period_steps=9"});
  REQUIRE(tiny.train("ids", first).code == 0);
  const auto step = tiny.run({"inspect", tiny.path("ids").string(), "--step", "2", "--json"});
  REQUIRE(step.code == 0);
  const Json sequence = Json::parse(step.out)["sequences"][0];
  const Ids ids = same.ids_of("train");
  const auto begin = sequence["first_token"].get<std::size_t>();
  std::string text;
  for (std::size_t i = begin; i < begin + 16; ++i) text += concat(i > begin ? " " : "", ids[i]);
  CHECK(sequence["text"] == text);

  Ids changed = ids;
  changed[3] ^= 1;
  const std::string path = same.write("megatron", "train", changed);
  const Words longer =
      joined(words, {"--set", "train.max_steps=9", "--set", "schedule.period_steps=9"});
  const auto kept = tiny.train("ids", longer);
  CHECK(kept.code == 3);
  CHECK_THAT(kept.err, ContainsSubstring(concat("the content of ", path, " differs from what ")));
  std::filesystem::remove_all(tiny.path("megatron-data"));
  const auto anew = tiny.train("ids", longer);
  CHECK(anew.code == 4);
  CHECK_THAT(anew.err, ContainsSubstring(concat(": data.train: the content of ", path,
                                                " differs from what ", path, " had")));
  same.write("megatron", "train", ids);
  std::filesystem::remove_all(tiny.path("megatron-data"));
  const auto again = tiny.train("ids", longer);
  INFO(again.err);
  CHECK(again.code == 0);
}

}  // namespace longspan
