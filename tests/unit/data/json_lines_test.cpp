// JSON lines: each record is as a file of its own.
#include "data/json_lines.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/core/random.h"
#include "longspan/data/text.h"
#include "support/compressed.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;
using Texts = std::vector<std::string>;

const std::string kRemedy =
    "; a file named .json, .jsonl or .ndjson has an object a line, with its text under the key "
    "that "
    "data.text_key names";

TextConfig files(Texts patterns) {
  TextConfig config;
  config.patterns = std::move(patterns);
  return config;
}

Texts lines_of(const TextConfig& config) {
  Texts lines;
  open_text(config)([&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

Texts documents_of(const TextConfig& config) {
  Texts documents;
  open_documents(config)([&](std::string_view document) { documents.emplace_back(document); });
  return documents;
}

/// A folder of files.
struct Folder {
  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = (folder.path() / name).string();
    write_file_durably(path, text);
    return path;
  }
  testing::TemporaryFolder folder;
};

std::string line_of(const Json& record, bool in_ascii) {
  return record.dump(-1, ' ', in_ascii) + "\n";
}

Texts some_texts() {
  RandomStream random(5, RandomPurpose::Sampling, 0);
  const Texts pieces{"\n", "\r\n", "\r", "word ", "a", "\xC3\xA9", "\xF0\x9F\x98\x80", "\"", "\\"};
  Texts texts{"", "a", "a\n", "\r", "\r\n"};
  for (int i = 0; i < 60; ++i) {
    texts.emplace_back();
    for (std::uint64_t count = random.below(9); count > 0; --count)
      texts.back() += pieces[random.below(pieces.size())];
  }
  return texts;
}

}  // namespace

TEST_CASE("JSON lines: files are known by their names") {
  for (const auto* name : {"a.jsonl", "/b/a.json", "a.ndjson", "a.jsonl.gz", "a.json.zst"})
    CHECK(has_json_lines(name));
  for (const auto* name : {"a.txt", "jsonl", "a.jsonl.txt", "a.gz", "a.jsonl.gz.zst", "a.jsonl/b"})
    CHECK_FALSE(has_json_lines(name));
}

TEST_CASE("JSON lines: records give the lines and documents that files of their texts give") {
  const Folder folder;
  std::string plain, ascii;
  Texts paths;
  for (const std::string& text : some_texts()) {
    plain += line_of({{"id", paths.size()}, {"text", text}, {"tags", {"text", 1}}}, false);
    ascii += line_of({{"text", text}}, true) + (text.size() % 3 == 0 ? " \r\n" : "");
    if (text.empty()) continue;  // no file of a text may be so
    paths.push_back(folder.write("t" + std::to_string(paths.size()) + ".txt", text));
  }
  const TextConfig expected = files(paths);
  for (const TextConfig& config :
       {files({folder.write("a.jsonl", plain)}), files({folder.write("a.json", ascii)}),
        files({folder.write("a.ndjson", "\xEF\xBB\xBF" + ascii)}),
        files({folder.write("a.jsonl.gz", testing::gzip(plain))}),
        files({folder.write("a.json.zst", testing::zstandard(ascii))})}) {
    CHECK(lines_of(config) == lines_of(expected));
    CHECK(documents_of(config) == documents_of(expected));
  }
}

TEST_CASE("JSON lines: the key is the config's") {
  const Folder folder;
  TextConfig config = files({folder.write("a.jsonl", R"({"text": "a", "content": "b"})")});
  CHECK(lines_of(config) == Texts{"a"});
  config.text_key = "content";
  CHECK(lines_of(config) == Texts{"b"});
  CHECK(documents_of(config) == Texts{"b"});
}

TEST_CASE("JSON lines: what is no record is refused with file and line") {
  const Folder folder;
  const std::string good = "{\"text\": \"a\\nb\\nc\"}\n\n";
  const auto refused = [&](std::string_view rest) {
    const std::string path = folder.write("t.jsonl", good + std::string(rest));
    const auto error = caught([&] { lines_of(files({path})); });
    CHECK(caught([&] { documents_of(files({path})); }).text == error.text);
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(path));
    return error.text.substr(path.size());
  };
  CHECK(refused("{\"texts\": \"a\"}\n") ==
        ":3: an object must have one text under the key text, it is not there" + kRemedy);
  CHECK(refused(good + "[1]") == ":5: must be a JSON object a line, found a list" + kRemedy);
  CHECK(refused("{\n  \"text\": \"a\"\n}\n").starts_with(":3:2: must be a JSON object a line: "));
  CHECK(refused("{\"text\": \"\xFF\"}") ==
        ":3: text must be UTF-8, found byte 0xff at byte 31 of the file");
}

}  // namespace longspan
