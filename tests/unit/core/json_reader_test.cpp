#include "longspan/core/json_reader.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

JsonReader reader_of(const std::string& text) {
  return JsonReader(parse_json(text, "m.json"), "m.json");
}

template <class Action>
std::string refusal(Action action) {
  const Error error = testing::error_of(action);
  CHECK(error.kind() == ErrorKind::Data);
  return error.what();
}

TEST_CASE("json reader: values of the types asked for") {
  const JsonReader reader =
      reader_of(R"({"i": -3, "x": 0.5, "n": 2, "b": true, "t": "word", "o": {"t": "deep"}})");
  CHECK(reader.integer("i", {-3, 7}) == -3);
  CHECK(reader.number("x") == 0.5);
  CHECK(reader.number("n") == 2.0);
  CHECK(reader.boolean("b"));
  CHECK(reader.text("t") == "word");
  CHECK(reader.section("o").text("t") == "deep");
  CHECK(reader.holds("n", 2.0));
  CHECK(reader.holds("o", Json{{"t", "deep"}}));
  CHECK_FALSE(reader.holds("b", 1));
  CHECK(reader.keys() == std::vector<std::string>{"i", "x", "n", "b", "t", "o"});
}

TEST_CASE("json reader: null is as good as absent") {
  for (const char* text : {"{}", R"({"k": null})"}) {
    const JsonReader reader = reader_of(text);
    CHECK_FALSE(reader.has("k"));
    CHECK_FALSE(reader.holds("k", Json()));
    CHECK(reader.integer("k", {0, 1}, 5) == 5);
    CHECK(reader.number("k", 0.25) == 0.25);
    CHECK(reader.boolean("k", true));
    CHECK(reader.text("k", "t") == "t");
    CHECK(reader.section("k").keys().empty());
    CHECK(reader.numbers("k").empty());
    CHECK(refusal([&] { reader.integer("k", {0, 1}); }) == "m.json: k must be given");
    CHECK(refusal([&] { reader.number("k"); }) == "m.json: k must be given");
    CHECK(refusal([&] { reader.boolean("k"); }) == "m.json: k must be given");
    CHECK(refusal([&] { reader.text("k"); }) == "m.json: k must be given");
    CHECK(refusal([&] { reader.section("s").text("k"); }) == "m.json: s.k must be given");
    CHECK(refusal([&] { reader.refuse("k", "seven"); }) == "m.json: k must be seven, got nothing");
  }
}

TEST_CASE("json reader: lists of numbers") {
  const JsonReader reader =
      reader_of(R"({"x": [1, 0.1, -2e300], "e": [], "n": [1, null], "t": "1"})");
  CHECK(reader.numbers("x") == std::vector<double>{1.0, 0.1, -2e300});
  CHECK(reader.numbers("e").empty());
  CHECK(refusal([&] { reader.numbers("n"); }) == "m.json: n must be a list of numbers, got a list");
  CHECK(refusal([&] { reader.numbers("t"); }) == "m.json: t must be a list of numbers, got \"1\"");
}

TEST_CASE("json reader: keys that nobody asked for") {
  const JsonReader reader = reader_of(R"({"a": 1, "b": null, "c": 2, "d": {"e": 3}, "f": 4})");
  CHECK(reader.unread() == std::vector<std::string>{"a", "c", "d", "f"});
  reader.integer("a", {0, 9});
  CHECK(reader.holds("c", 2));
  CHECK(reader.section("d").unread() == std::vector<std::string>{"e"});
  CHECK(reader.unread() == std::vector<std::string>{"f"});
  CHECK(refusal([&] { reader.refuse("f", "absent", "; remove it"); }) ==
        "m.json: f must be absent, got 4; remove it");
}

TEST_CASE("json reader: each getter refuses every other type by name") {
  const auto all = [](const std::string& value) {
    const JsonReader reader = reader_of("{\"k\": " + value + "}");
    const std::string found = value == "[1]" ? "a list" : value == "{}" ? "an object" : value;
    const auto says = [&](const char* what) {
      return "m.json: k must be " + std::string(what) + ", got " + found;
    };
    const bool number = value == "1.5", boolean = value == "true", text = value == "\"x\"";
    CHECK(refusal([&] { reader.integer("k", {0, 9}, 1); }) == says("an integer from 0 to 9"));
    if (!number) CHECK(refusal([&] { reader.number("k", 1.0); }) == says("a number"));
    if (!boolean) CHECK(refusal([&] { reader.boolean("k", true); }) == says("true or false"));
    if (!text) CHECK(refusal([&] { reader.text("k", "t"); }) == says("a text"));
    if (value != "{}") CHECK(refusal([&] { reader.section("k"); }) == says("an object"));
  };
  for (const char* value : {"1.5", "true", "\"x\"", "[1]", "{}"}) all(value);
}

TEST_CASE("json reader: integers stay in their range and keep 64 bits") {
  constexpr std::int64_t kMax = INT64_MAX, kMin = INT64_MIN;
  const auto read = [](const std::string& value, JsonIntegerRange range) {
    return reader_of("{\"k\": " + value + "}").integer("k", range);
  };
  CHECK(read("9223372036854775807", {kMin, kMax}) == kMax);
  CHECK(read("-9223372036854775808", {kMin, kMax}) == kMin);
  CHECK(refusal([&] {
          read("9223372036854775808", {kMin, kMax});
        }).ends_with("got 9223372036854775808"));
  CHECK(refusal([&] { read("4", {1, 3}); }) == "m.json: k must be an integer from 1 to 3, got 4");
  CHECK(refusal([&] { read("0", {1, 3}); }) == "m.json: k must be an integer from 1 to 3, got 0");
}

TEST_CASE("json reader: the values of a map of texts, in a time that grows with it") {
  std::string map = "{";
  for (int i = 0; i < 200000; ++i)
    map += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"x" + std::to_string(i) + "\"";
  const JsonReader reader = reader_of(map + "}");
  const std::vector<std::string> texts = reader.texts();
  CHECK(texts.size() == reader.keys().size());
  CHECK(texts.back() == "x199999");
  CHECK(refusal([] { reader_of(R"({"a": "x", "b": 1})").texts(); }) ==
        "m.json: b must be a text, got 1");
}

TEST_CASE("json reader: errors are one short line whatever stands in the file") {
  CHECK(refusal([] { JsonReader(parse_json("[1]", "m.json"), "m.json"); }) ==
        "m.json: must be an object, got a list");
  CHECK(refusal([] { JsonReader(Json(), "m.json"); }) == "m.json: must be an object, got null");
  const std::string deep(90, '[');
  const JsonReader nested = reader_of("{\"k\": " + deep + std::string(90, ']') + "}");
  CHECK(refusal([&] { nested.text("k"); }) == "m.json: k must be a text, got a list");
  const JsonReader nested_twice =
      reader_of("{\"s\": {\"k\": " + deep + std::string(90, ']') + "}}");
  CHECK(refusal([&] { nested_twice.section("s").text("k"); }) ==
        "m.json: s.k must be a text, got a list");
  CHECK(refusal([&] { reader_of("{\"a\\nb\": 1}").text("a\nb"); }) ==
        "m.json: a\\nb must be a text, got 1");
  const JsonReader lines = reader_of("{\"k\": \"a\\n" + std::string(500, 'x') + "\"}");
  const std::string text = refusal([&] { lines.number("k"); });
  CHECK(text.size() < 130);
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.ends_with("x..."));
}

}  // namespace
}  // namespace longspan
