// inspect --step: which tokens a step saw.

#include <set>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/data/batches.h"
#include "longspan/run/run_config.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

testing::Finished inspect(const TinyRun& tiny, const std::string& step, const Words& more = {}) {
  Words words{"inspect", tiny.path("run").string(), "--step", step};
  words.insert(words.end(), more.begin(), more.end());
  return tiny.run(words);
}

Json json_of(const TinyRun& tiny, int step) {
  const auto result = inspect(tiny, std::to_string(step), {"--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  return Json::parse(result.out);
}

// The ids that a sequence's places hold, read from the files as FORMAT.md has them.
std::vector<std::int32_t> ids_at(const Json& places) {
  std::vector<std::int32_t> ids;
  for (const Json& place : places) {
    REQUIRE(place.at("bytes_per_token") == 2);
    const std::string file = read_file(place.at("file").get<std::string>());
    const auto begin = place.at("byte").get<std::size_t>();
    for (std::size_t i = 0; i < place.at("tokens").get<std::size_t>(); ++i)
      ids.push_back(static_cast<unsigned char>(file.at(begin + 2 * i)) +
                    256 * static_cast<unsigned char>(file.at(begin + 2 * i + 1)));
  }
  return ids;
}

TEST_CASE("inspect --step gives the blocks that training takes, where they lie and their text") {
  for (const std::string order : {"shuffled", "sequential", "fairseq"}) {
    CAPTURE(order);
    const TinyRun tiny;
    REQUIRE(tiny.train("run", {"--set", "data.order=" + order}).code == 0);
    const RunConfig config =
        read_run_config(config::Document::from_file(tiny.path("run/config.yaml")));
    const ShardFolder shards = ShardFolder::open(config.data.shards);
    const TokenStream stream = shards.stream("train");
    BatchLoader loader(stream, make_run_plan(config, stream.size()), config.data.seq_len,
                       shards.tokenizer().start_id(), 0);
    std::set<std::int64_t> blocks;
    for (int step = 1; step <= 20; ++step) {
      const Json seen = json_of(tiny, step);
      const HostBatch& batch = loader.next().batch;
      CHECK(seen["kind"] == "step");
      CHECK(seen["step"] == step);
      CHECK(seen["split"] == "train");
      REQUIRE(seen["sequences"].size() == static_cast<std::size_t>(batch.num_sequences));
      for (std::size_t i = 0; i < batch.sequence_ids.size(); ++i) {
        const Json& sequence = seen["sequences"][i];
        CHECK(sequence["sequence"] == batch.sequence_ids[i]);
        CHECK(sequence["first_token"].get<std::int64_t>() ==
              sequence["block"].get<std::int64_t>() * 16);
        const auto ids = ids_at(sequence["places"]);
        const auto targets = batch.target_ids.begin() + static_cast<std::ptrdiff_t>(16 * i);
        REQUIRE(std::equal(ids.begin(), ids.end(), targets));
        REQUIRE(sequence["text"] == shards.tokenizer().decode(ids));
        CHECK(blocks.insert(sequence["block"].get<std::int64_t>()).second);  // in the first epoch
      }
    }
  }
}

TEST_CASE("inspect --step needs a step of a run and the shards that it was trained on") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  for (const std::string step : {"0", "21", "-3", "9223372036854775807"}) {
    const auto result = inspect(tiny, step);
    INFO(result.err);
    CHECK(result.code == 2);
    CHECK(result.out.empty());
    CHECK_THAT(result.err,
               ContainsSubstring(concat("longspan: error: --step must be a step of the "
                                        "run ",
                                        tiny.path("run").string(), ", from 1 to 20, got ", step)));
  }
  CHECK(inspect(tiny, "x").code == 2);
  CHECK(inspect(tiny, "3", {"--verify"}).code == 2);
  const auto no_run = tiny.run({"inspect", tiny.path("shards").string(), "--step", "3"});
  CHECK(no_run.code == 2);
  CHECK_THAT(no_run.err, ContainsSubstring("must be the folder of a run for --step"));

  std::filesystem::rename(tiny.path("shards"), tiny.path("moved"));
  CHECK(inspect(tiny, "3").code == 3);
  const auto moved = inspect(tiny, "3", {"--set", "data.shards=" + tiny.path("moved").string()});
  INFO(moved.err);
  CHECK(moved.code == 0);
  REQUIRE(
      tiny.run({"prepare", tiny.config().string(), "--set", "data.train.synthetic.seed=5"}).code ==
      0);
  const auto other = inspect(tiny, "3");
  CHECK(other.code == 3);
  CHECK_THAT(other.err, ContainsSubstring(" was trained on other shards than ") &&
                            ContainsSubstring("; name them with --set data.shards=FOLDER"));
}

TEST_CASE("inspect --step knows a run before its first checkpoint, not one of another order") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const auto whole = inspect(tiny, "3");
  std::filesystem::rename(tiny.path("run/checkpoints"), tiny.path("checkpoints"));
  const auto without = inspect(tiny, "3");
  INFO(without.err);
  CHECK(without.code == 0);
  CHECK(without.out == whole.out);
  std::filesystem::rename(tiny.path("checkpoints"), tiny.path("run/checkpoints"));
  const auto folder = tiny.path("run/checkpoints/step-000000020");
  auto contents = load_checkpoint(folder);
  contents.trainer["data_order_version"] = 1;
  std::filesystem::copy(folder / "tokenizer", tiny.path("tokenizer"));
  save_checkpoint(tiny.path("run"), contents, tiny.path("tokenizer"));
  const auto older = inspect(tiny, "3");
  CHECK(older.code == 3);
  CHECK_THAT(older.err, ContainsSubstring(" was trained in the order shuffled of version 1, this "
                                          "program has version 2"));
}

TEST_CASE("inspect --step prints text fit for a terminal") {
  const TinyRun tiny;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "clear \x1b[2J the screen\tof \xC3\xA9t\xC3\xA9\n";
  write_file_durably(tiny.path("control.txt"), text);
  REQUIRE(tiny.train("run", {"--set", "data.train=" + tiny.path("control.txt").string(), "--set",
                             "data.tokenizer={kind: bytes}"})
              .code == 0);
  const auto result = inspect(tiny, "2");
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK_THAT(result.out, ContainsSubstring(concat("step 2 of ", tiny.path("run").string(),
                                                  ": 8 sequences of at most 16 tokens of the "
                                                  "split train, epoch 0\n\nsequence 8: block ")) &&
                             ContainsSubstring("train-00000.bin, byte ") &&
                             ContainsSubstring(", 16 tokens of 2 bytes\n"));
  CHECK(result.out.find('\x1b') == std::string::npos);
  CHECK_THAT(result.out, ContainsSubstring("\\x1b"));
  const auto json = inspect(tiny, "2", {"--json"});
  CHECK(json.code == 0);
  CHECK(Json::parse(json.out)["sequences"].size() == 8);
}

}  // namespace
}  // namespace longspan
