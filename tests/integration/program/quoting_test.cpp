// What a damaged file holds is quoted so that a terminal, a log and a page can show it.

#include <algorithm>

#include "longspan/core/utf8.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

// No byte that a terminal would obey and none that is not UTF-8.
void check_fit(const std::string& text) {
  CHECK(find_invalid_utf8(text) == std::string::npos);
  CHECK(std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F;
  }));
}

void check_quoted(const testing::Finished& result, int code, const std::string& quote) {
  INFO(result.err);
  CHECK(result.code == code);
  CHECK_THAT(result.err, ContainsSubstring(quote));
  check_fit(result.err);
  CHECK(result.out.empty());
}

TEST_CASE("an error quotes a damaged file in characters that can be shown") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const auto run = tiny.path("run").string();
  const auto path = [&](const char* name) { return tiny.path("run") / name; };

  write_file_durably(tiny.path("dict.txt"), "a\xff\x1b[2J x\n");
  check_quoted(
      tiny.train("other",
                 {"--set",
                  "data.tokenizer={kind: word, dictionary: " + tiny.path("dict.txt").string() + "}",
                  "--set", "data.shards=" + tiny.path("s2").string()}),
      3, "found byte 0xff at byte 1");
  check_quoted(tiny.train("other", {"--set", "position.kind=al\xff\x1b[2J"}), 2, "0xff");
  check_quoted(tiny.train("other", {"--\x1b[2Jset"}), 2, "--\\x1b[2Jset");
  const std::string config = read_file(tiny.config());
  write_file_durably(tiny.path("bad.yaml"), config + "\"k\\e[2J\": 1\n");
  check_quoted(tiny.run({"train", tiny.path("bad.yaml").string()}), 2, "k\\x1b[2J");

  write_file_durably(path("environment.json"), "{\"host\": \xff\x1b[2J}");
  check_quoted(tiny.run({"inspect", run}), 3, "\\xff");
  std::filesystem::remove(path("environment.json"));
  write_file_durably(path("metrics.jsonl"), "{\"step\": \"\xff\x1b[2J\"}\n{\"step\": 3}\n");
  check_quoted(tiny.run({"report", run, "--output", tiny.path("r.html").string()}), 3,
               "{\"step\": \"\\xff\\x1b[2J\"}");
  write_file_durably(tiny.path("shards/manifest.json"), "\xff\x1b[2J");
  check_quoted(tiny.run({"inspect", tiny.path("shards").string()}), 3, "\\xff");
}

TEST_CASE("the log quotes a damaged checkpoint, and a page its run's name") {
  const TinyRun tiny;
  const std::string text = read_file(tiny.config());
  write_file_durably(tiny.config(), "name: \"a\\e[31mb\\x7f\"" + text.substr(text.find("\nseed:")));
  REQUIRE(tiny.train("run").code == 0);
  const auto manifest = tiny.path("run/checkpoints/step-000000020/manifest.json");
  write_file_durably(manifest, "\xff\x1b[2J");
  const auto again = tiny.train("run");
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK_THAT(again.err, ContainsSubstring("checkpoint is damaged") && ContainsSubstring("\\xff"));
  check_fit(again.err);
  check_fit(read_file(tiny.path("run/log.txt")));

  const auto run = tiny.path("run").string();
  const auto table = tiny.run({"evaluate", run, "--lengths", "16", "--threads", "1"});
  CHECK_THAT(table.out, ContainsSubstring("a\\x1b[31mb\\x7f"));
  check_fit(table.out);
  REQUIRE(tiny.run({"report", run, "--output", tiny.path("r.html").string()}).code == 0);
  const std::string page = read_file(tiny.path("r.html"));
  CHECK_THAT(page, ContainsSubstring("a\\x1b[31mb\\x7f"));
  check_fit(page);
}

TEST_CASE("a folder's name that is no UTF-8 is no obstacle") {
  const TinyRun tiny;
  const auto result = tiny.train("r\xe9", {"--json"});
  INFO(result.err);
  CHECK(result.code == 0);
  check_fit(result.err);
  CHECK(Json::parse(result.out)["run"] == tiny.path("r\\xe9").string());
  CHECK(read_json(tiny.path("r\xe9/environment.json"))["command_line"][4] ==
        tiny.path("r\\xe9").string());
  CHECK(tiny.run({"report", tiny.path("r\xe9").string(), "--output", tiny.path("r.html").string()})
            .code == 0);
}

}  // namespace
}  // namespace longspan
