#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "longspan/config/reader.h"
#include "longspan/core/random.h"
#include "unit/config/reading.h"

namespace longspan::config {
namespace {

using testing::document_of;
using Texts = std::vector<std::string>;

TEST_CASE("resolved prints every value given, in the order of asking") {
  const Document document = document_of("model: {d_model: 8, act: relu}\nseed: 3\nunread: 1\n");
  const Reader root = document.root();
  CHECK(document.resolved() == "{}\n");
  root.integer("seed", {});
  const Reader model = root.section("model");
  model.text("act");
  model.integer("d_model", {});
  model.integers("cutoffs", {}, {2, 6});
  root.section("empty");
  const Reader inner = root.section("outer").section("inner");
  inner.number("rate", {}, 0.1);
  inner.texts("names", {"a b", "c"});
  root.boolean("flag", true);
  CHECK(document.resolved() ==
        "seed: 3\n"
        "model:\n"
        "  act: relu\n"
        "  d_model: 8\n"
        "  cutoffs: [2, 6]\n"
        "empty: {}\n"
        "outer:\n"
        "  inner:\n"
        "    rate: 0.1\n"
        "    names: [\"a b\", c]\n"
        "flag: true\n");
}

TEST_CASE("what is asked for twice is printed once") {
  const Document document = document_of("m: {a: 1}");
  const Reader root = document.root();
  root.section("m").integer("a", {});
  root.integer("k", {}, 2);
  root.section("m").integer("b", {}, 5);
  root.section("m").integer("a", {});
  root.section("absent").integer("x", {}, 1);
  root.section("absent").integer("z", {}, 2);
  CHECK(document.resolved() == "m:\n  a: 1\n  b: 5\nk: 2\nabsent:\n  x: 1\n  z: 2\n");
}

TEST_CASE("an override is printed like any value") {
  const Document document = document_of("a: 1", {"a=2", "m.k='x'"});
  document.root().integer("a", {});
  document.root().section("m").text("k");
  CHECK(document.resolved() == "a: 2\nm:\n  k: x\n");
}

std::string printed(const std::string& value) {
  const Document document = document_of("other: 1");
  document.root().text("k", value);
  return document.resolved();
}

TEST_CASE("a text is quoted when another reader could take it for something else") {
  CHECK(printed("relu") == "k: relu\n");
  CHECK(printed("/data/wiki-103/train.txt") == "k: /data/wiki-103/train.txt\n");
  for (const char* value :
       {"",   " x", "x ",   "null", "~",  "true", "No",  "12",   "0x1",        "1e3", ".inf",
        "-",  "-x", "a: b", "a #b", "#a", "[a]",  "{a}", "a, b", "*a",         "&a",  "!a",
        "@a", "%a", "|",    ">",    "?",  "=",    "---", "...",  "2024-01-01", "<<",  "a:b"}) {
    CHECK(printed(value) == concat("k: \"", value, "\"\n"));
  }
  CHECK(printed("it's \"so\" \\") == "k: \"it's \\\"so\\\" \\\\\"\n");
  CHECK(printed("a\nb\tc") == "k: \"a\\x0ab\\x09c\"\n");
  CHECK(printed("\xC3\xA4") == "k: \"\xC3\xA4\"\n");
}

// Random texts over the characters that mean something to YAML.
TEST_CASE("any text, list and key reads back the same") {
  const std::string letters = "aZ09 \t\n\r:#-?,[]{}&*!|>'\"%@`\\~.=<+_/\xC3\xA4\x01\x7F";
  RandomStream stream(21, RandomPurpose::Benchmark, 0);
  const auto random_text = [&] {
    std::string text;
    for (std::uint64_t left = stream.below(9); left > 0; --left) {
      const char c = letters[stream.below(letters.size())];
      const bool letter_a_umlaut = c == '\xC3' || c == '\xA4';
      text += letter_a_umlaut ? "\xC3\xA4" : std::string(1, c);
    }
    return text;
  };
  for (int i = 0; i < 2000; ++i) {
    const std::string key = "k" + random_text();
    const std::string value = random_text();
    const Texts values = {random_text(), random_text()};
    const Document first = document_of("other: 1");
    first.root().section(key).text("t", value);
    first.root().section(key).texts("list", values);
    const Document second = document_of(first.resolved());
    const Reader section = second.root().section(key);
    REQUIRE(section.text("t") == value);
    REQUIRE(section.texts("list") == values);
    REQUIRE(second.resolved() == first.resolved());
  }
}

TEST_CASE("any number reads back to the same bits and the same text") {
  std::vector<double> values = {0.0,  -0.0, 1.0,    0.1,
                                1e22, 1e-7, 5e-324, std::numeric_limits<double>::max()};
  RandomStream stream(22, RandomPurpose::Benchmark, 0);
  while (values.size() < 5000) {
    const std::uint64_t high = stream.bits();
    const auto value = std::bit_cast<double>((high << 32) | stream.bits());
    if (std::isfinite(value)) values.push_back(value);
  }
  for (const double value : values) {
    const Document first = document_of("other: 1");
    first.root().number("k", {}, value);
    const Document second = document_of(first.resolved());
    REQUIRE(std::bit_cast<std::uint64_t>(second.root().number("k", {})) ==
            std::bit_cast<std::uint64_t>(value));
    REQUIRE(second.resolved() == first.resolved());
  }
}

TEST_CASE("a whole configuration reads back the same") {
  const auto read = [](const Document& document) {
    const Reader root = document.root();
    root.text("name", "run");
    root.integer("seed", {.low = 0}, 1);
    const Reader model = root.section("model");
    model.integer("num_layers", {.low = 1});
    model.number("dropout", {.low = 0, .below = 1}, 0.1);
    model.integers("cutoffs", {}, {});
    root.section("data").path("train");
    root.section("data").paths("more");
    root.section("data").path("cache", "");
    root.section("train").integer("max_tokens", {.low = 1}, 0);
    root.finish();
    model.finish();
    return document.resolved();
  };
  const std::string resolved = read(
      Document::from_text("model: {num_layers: 2, cutoffs: []}\ndata: {train: ../a b, more: x}\n",
                          "c.yaml", "/data/configs"));
  CHECK(resolved ==
        "name: run\nseed: 1\nmodel:\n  num_layers: 2\n  dropout: 0.1\n  cutoffs: []\n"
        "data:\n  train: \"/data/a b\"\n  more: [/data/configs/x]\n  cache: \"\"\n"
        "train:\n  max_tokens: 0\n");
  CHECK(read(Document::from_text(resolved, "again.yaml", "/elsewhere")) == resolved);
}

TEST_CASE("a number that is not finite cannot be a fallback") {
  const Error error = longspan::testing::error_of(
      [] { document_of("a: 1").root().number("k", {}, std::numeric_limits<double>::infinity()); });
  CHECK(error.kind() == ErrorKind::Internal);
}

}  // namespace
}  // namespace longspan::config
