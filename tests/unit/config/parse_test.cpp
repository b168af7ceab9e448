#include <catch2/catch_test_macros.hpp>
#include <string>

#include "longspan/config/reader.h"
#include "longspan/core/random.h"
#include "unit/config/reading.h"

namespace longspan::config {
namespace {

using testing::document_of;
using testing::refusal_of_text;
using Texts = std::vector<std::string>;

TEST_CASE("the forms of YAML that configs use are read") {
  const auto document = document_of(
      "%YAML 1.2\n---\n# comment\nplain: a b # comment\n'single': 'it''s'\n\"double\": "
      "\"a\\tb\"\r\n"
      "block: |\n  one\n  two\nfolded: >-\n  one\n  two\nflow: {a: 1, b: [x, \"y\"]}\nlist:\n- "
      "1\n- 2\n"
      "continued: one\n  two\n...\n");
  const Reader reader = document.root();
  CHECK(reader.text("plain") == "a b");
  CHECK(reader.text("single") == "it's");
  CHECK(reader.text("double") == "a\tb");
  CHECK(reader.text("block") == "one\ntwo\n");
  CHECK(reader.text("folded") == "one two");
  CHECK(reader.section("flow").integer("a", {}) == 1);
  CHECK(reader.section("flow").texts("b") == Texts{"x", "y"});
  CHECK(reader.integers("list", {}) == std::vector<std::int64_t>{1, 2});
  CHECK(reader.text("continued") == "one two");
  CHECK_NOTHROW(reader.finish());
}

TEST_CASE("a byte order mark and text beyond ASCII are read") {
  const auto document = document_of("\xEF\xBB\xBFna\xC3\xAFve: \xE2\x82\xAC\xF0\x9F\x98\x80\n");
  CHECK(document.root().text("na\xC3\xAFve") == "\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST_CASE("a text without a map of keys is refused") {
  CHECK(refusal_of_text("") == "c.yaml:1:1: must hold a map of keys, got an empty file");
  CHECK(refusal_of_text("# nothing\n\n") ==
        "c.yaml:1:1: must hold a map of keys, got an empty file");
  CHECK(refusal_of_text("null") == "c.yaml:1:1: must hold a map of keys, got an empty file");
  CHECK(refusal_of_text("\n- 1\n") == "c.yaml:2:1: must hold a map of keys, got a list");
  CHECK(refusal_of_text("a:1") == "c.yaml:1:1: must hold a map of keys, got a:1");
}

TEST_CASE("bad syntax is refused with its place") {
  CHECK(refusal_of_text("a: b: c") == "c.yaml:1:5: must be YAML: illegal map value");
  CHECK(refusal_of_text("x: 1\na: [1, 2").starts_with("c.yaml:2:1: must be YAML: end of "));
  CHECK(refusal_of_text("a: \"x").starts_with("c.yaml:1:6: must be YAML: "));
  CHECK(refusal_of_text("a: 1\n}").starts_with("c.yaml:2:1: must be YAML: "));
  CHECK(refusal_of_text("a: @x").starts_with("c.yaml:1:4: must be YAML: "));
  CHECK(refusal_of_text("a: - 1").starts_with("c.yaml:1:4: must be YAML: "));
}

TEST_CASE("a key given twice is refused with both places") {
  CHECK(refusal_of_text("a: 1\nb: 2\na: 3\n") == "c.yaml:3:1: a is given twice, first in line 1");
  CHECK(refusal_of_text("m:\n  x: {k: 1,\n    k: 2}\n") ==
        "c.yaml:3:5: m.x.k is given twice, first in line 2");
  CHECK(refusal_of_text("a: 1\n\"a\": 2\n") == "c.yaml:2:1: a is given twice, first in line 1");
}

TEST_CASE("a second document or text outside the map is refused") {
  const std::string text =
      ": does not belong to the value above: check its indentation, and that the text holds one "
      "YAML document";
  CHECK(refusal_of_text("a: 1\n---\nb: 2\n") == "c.yaml:3:1" + text);
  CHECK(refusal_of_text("a: 1\n...\nb: 2\n") == "c.yaml:3:1" + text);
  CHECK(refusal_of_text("{a: 1} x") == "c.yaml:1:8" + text);
  CHECK(refusal_of_text("  a: 1\n b: 2\n") == "c.yaml:2:2" + text);
}

TEST_CASE("anchors, aliases, merge keys and tags are refused") {
  const std::string alias =
      ": aliases are not supported: write the value out, or quote a text that begins with *";
  CHECK(refusal_of_text("a: &x 1") ==
        "c.yaml:1:4: anchors are not supported: quote a text that begins with &");
  CHECK(refusal_of_text("a: *x") == "c.yaml:1:4" + alias);
  CHECK(refusal_of_text("data:\n  train: *.txt") == "c.yaml:2:10" + alias);
  CHECK(refusal_of_text("m:\n  <<: {a: 1}") == "c.yaml:2:3: m.<<: merge keys are not supported");
  CHECK(refusal_of_text("a: !!int 3") ==
        "c.yaml:1:4: tags are not supported, got tag:yaml.org,2002:int");
  CHECK(refusal_of_text("a: !x [1]") == "c.yaml:1:4: tags are not supported, got !x");
}

TEST_CASE("a key that is no text is refused") {
  CHECK(refusal_of_text("~: 1") == "c.yaml:1:1: a key must be a text, got nothing (null)");
  CHECK(refusal_of_text("{[a]: 1}") ==
        "c.yaml:1:2: a key must be a text, got a list or a map (or a bracket is not closed)");
  CHECK(refusal_of_text("[1") ==
        "c.yaml:1:1: a key must be a text, got a list or a map (or a bracket is not closed)");
  CHECK(refusal_of_text("? {a: 1}\n: 1") ==
        "c.yaml:1:3: a key must be a text, got a list or a map (or a bracket is not closed)");
}

TEST_CASE("tabs that indent are refused") {
  CHECK(refusal_of_text("m:\n\ta: 1") == "c.yaml:2:1: must be indented by spaces, got a tab");
  CHECK(refusal_of_text("m:\n  \ta: 1") == "c.yaml:2:3: must be indented by spaces, got a tab");
  CHECK(document_of("a:\t1 # a\tb").root().integer("a", {}) == 1);
}

TEST_CASE("bytes that are no text are refused with their place") {
  const auto refusal = [](std::string_view bytes) {
    return refusal_of_text("k: 1\na: \xC3\xA4" + std::string(bytes));
  };
  const std::string text = "c.yaml:2:5: must be UTF-8 text without control characters, got byte 0x";
  using namespace std::string_view_literals;
  CHECK(refusal("\0"sv) == text + "00");
  CHECK(refusal("\x1B[0m") == text + "1b");
  CHECK(refusal("\x7F") == text + "7f");
  CHECK(refusal("\xFF\xFE") == text + "ff");
  CHECK(refusal("\x80") == text + "80");              // continuation without a start
  CHECK(refusal("\xC3") == text + "c3");              // cut off
  CHECK(refusal("\xC0\xAF") == text + "c0");          // overlong
  CHECK(refusal("\xE0\x80\xAF") == text + "e0");      // overlong
  CHECK(refusal("\xED\xA0\x80") == text + "ed");      // surrogate
  CHECK(refusal("\xF4\x90\x80\x80") == text + "f4");  // past U+10FFFF
  CHECK(refusal("\xF0\x9F\x98") == text + "f0");
}

TEST_CASE("nesting has a limit and long texts have none") {
  const std::string deep = "a: " + std::string(20000, '[') + std::string(20000, ']');
  CHECK(refusal_of_text(deep) ==
        "c.yaml:1:171: the path of a key must have at most 500 bytes, got 502; nest less or "
        "shorten the keys");
  std::string empty_keys = "a: ";
  for (int i = 0; i < 20000; ++i) empty_keys += "{\"\": ";
  CHECK(refusal_of_text(empty_keys).find("nest") != std::string::npos);
  const std::string text(100000, 'x');
  CHECK(document_of("a: " + text).root().text("a") == text);
}

// Every value carries its path.
TEST_CASE("many values under a long key do not take many times the text") {
  std::string values = "[0";
  for (int i = 0; i < 100000; ++i) values += ",0";
  CHECK(refusal_of_text(std::string(1000, 'k') + ": " + values + "]")
            .starts_with("c.yaml:1:1003: the path of a key must have at most 500 bytes, got 1000"));
  CHECK(document_of("k: " + values + "]").root().integers("k", {}).size() == 100001);
}

TEST_CASE("a text or a map that is too large is refused") {
  CHECK(refusal_of_text("a: " + std::string(1 << 20, 'x')) ==
        "c.yaml:1:1: must have at most 1048576 bytes, it has 1048579");
  std::string keys;
  for (int i = 0; i < 5000; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  CHECK(refusal_of_text(keys) == "c.yaml:4097:1: a map must have at most 4096 keys, it has more");
}

TEST_CASE("anchors and aliases cannot multiply a text") {
  CHECK(refusal_of_text("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")
            .starts_with("c.yaml:1:4: anchors are not supported"));
}

// Any damage is either still a configuration or one line about it; nothing else leaves.
TEST_CASE("damaged texts are refused in one line") {
  const std::string whole =
      "name: w\nmodel:\n  layers: 16\n  embedding: {kind: adaptive, cutoffs: [20, 60], tie: true}\n"
      "  text: \"a\\tb\"\n  block: |\n    x\n    y\nlist:\n- a\n- {b: 'c'}\n";
  const std::string_view letters{"{}[]:,-?&*!|>'\"%@`# \t\n\r\\~.0aZ<=\xC3\x00\x01\xFF", 35};
  RandomStream stream(23, RandomPurpose::Benchmark, 0);
  std::size_t refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = whole;
    for (std::uint64_t left = 1 + stream.below(5); left > 0; --left) {
      const std::size_t place = stream.below(text.size());
      if (stream.below(2) == 0) text.erase(place, stream.below(4));
      text.insert(place, 1, letters[stream.below(letters.size())]);
    }
    try {
      document_of(text);
    } catch (const Error& error) {
      ++refused;
      REQUIRE(error.kind() == ErrorKind::Config);
      REQUIRE(std::string(error.what()).starts_with("c.yaml:"));
      REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
    }
  }
  CHECK(refused > 1000);
  CHECK(refused < 5000);
}

}  // namespace
}  // namespace longspan::config
