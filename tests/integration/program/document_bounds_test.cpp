// data.document_bounds through the whole program.

#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

/// Records of JSON lines, all of `bytes` bytes, which are as many tokens; a start id stands between
/// two.
struct Records {
  explicit Records(std::size_t bytes) {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      std::string record;
      for (std::size_t j = 0; j < bytes; ++j)
        record += static_cast<char>('a' + (i * 7 + static_cast<int>(j) * j) % 26);
      text += Json({{"text", record}}).dump() + "\n";
    }
    write_file_durably(tiny.path("records.jsonl"), text);
  }
  Words settings(const std::string& bounds) const {
    return {"--set", concat("data.train=", tiny.path("records.jsonl").string()),
            "--set", "data.tokenizer={kind: bytes}",
            "--set", "data.order=sequential",
            "--set", "data.document_bounds=" + bounds};
  }
  std::string trained(const std::string& bounds) const {
    const auto done = tiny.train(bounds, settings(bounds));
    INFO(done.err);
    REQUIRE(done.code == 0);
    return testing::checkpoint_file(tiny.path(bounds), 20, "model.safetensors");
  }
  TinyRun tiny;
};

}  // namespace

TEST_CASE("bounds change nothing where every document fills a sequence") {
  const Records records(15);
  const std::string across = records.trained("none");
  CHECK(records.trained("blocks") == across);
  CHECK(records.trained("attention") == across);
}

TEST_CASE("bounds are kept, shown, and not changed on the way") {
  const Records records(20);  // 16 tokens, then 5
  const std::string across = records.trained("none"), blocks = records.trained("blocks"),
                    attention = records.trained("attention");
  CHECK(across != blocks);
  CHECK(across != attention);
  CHECK(blocks != attention);

  const auto step =
      records.tiny.run({"inspect", records.tiny.path("blocks").string(), "--step", "2", "--json"});
  INFO(step.err);
  REQUIRE(step.code == 0);
  const Json seen = Json::parse(step.out);
  REQUIRE(seen["sequences"].size() == 8);
  for (std::size_t i = 0; i < 8; ++i) {
    const Json& sequence = seen["sequences"][i];
    const std::size_t block = 8 + i, document = block / 2;
    CHECK(sequence["block"] == block);
    CHECK(sequence["first_token"] == document * 21 + block % 2 * 16);
    CHECK(sequence["tokens"] == (block % 2 == 0 ? 16 : 5));
  }

  Words more = records.settings("attention");
  more.insert(more.end(), {"--set", "train.max_steps=22"});
  const auto changed = records.tiny.train("blocks", more);
  CHECK(changed.code == 2);
  CHECK_THAT(changed.err, ContainsSubstring("data.document_bounds"));

  Words words = records.settings("blocks");
  words.insert(words.end(), {"--set", "train.max_epochs=1"});
  const auto plan = records.tiny.run([&] {
    Words all{"plan", records.tiny.config().string(), "--json"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }());
  INFO(plan.err);
  CHECK(plan.code == 0);
}

}  // namespace longspan
