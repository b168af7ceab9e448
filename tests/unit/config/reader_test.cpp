#include "longspan/config/reader.h"

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "unit/config/reading.h"

namespace longspan::config {
namespace {

using testing::document_of;
using testing::refusal_of;
using Integers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

std::string integer_refusal(const std::string& value, IntegerRange range = {}) {
  return refusal_of([&] {
    document_of("model:\n  num_heads: " + value)
        .root()
        .section("model")
        .integer("num_heads", range);
  });
}

std::string number_refusal(const std::string& value, NumberRange range = {}) {
  return refusal_of([&] { document_of("lr: " + value).root().number("lr", range); });
}

TEST_CASE("integers are decimal digits with an optional sign") {
  const auto read = [](const std::string& value) {
    return document_of("k: " + value).root().integer("k", {});
  };
  CHECK(read("0") == 0);
  CHECK(read("-0") == 0);
  CHECK(read("+17") == 17);
  CHECK(read("-17") == -17);
  CHECK(read("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(read("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("other spellings of integers are refused") {
  const std::string text = "c.yaml:2:14: model.num_heads must be a decimal integer, got ";
  for (const char* value : {"010", "-010", "00", "0x10", "0o10", "1e3", "1.0", "1.", "1_000",
                            "1,000", "seven", "true", ".inf", "+", "1 2"}) {
    CHECK(integer_refusal(value) == text + value);
  }
  CHECK(integer_refusal("\"7\"") == text + "the text \"7\"");
  CHECK(integer_refusal("null") == text + "nothing (null)");
  CHECK(integer_refusal("[7]") == text + "a list");
  CHECK(integer_refusal("{a: 7}") == text + "a map");
  CHECK(integer_refusal("1.5", {.low = 1, .high = 8}) ==
        "c.yaml:2:14: model.num_heads must be a decimal integer between 1 and 8, got 1.5");
}

TEST_CASE("integers out of range are refused with the range") {
  CHECK(integer_refusal("2000", {.low = 1, .high = 1024}) ==
        "c.yaml:2:14: model.num_heads must be between 1 and 1024, got 2000");
  CHECK(integer_refusal("0", {.low = 1}) ==
        "c.yaml:2:14: model.num_heads must be at least 1, got 0");
  CHECK(integer_refusal("6", {.high = 5}) ==
        "c.yaml:2:14: model.num_heads must be at most 5, got 6");
  for (const char* value :
       {"9223372036854775808", "-9223372036854775809", "99999999999999999999999"}) {
    CHECK(integer_refusal(value, {.low = 1}) ==
          concat("c.yaml:2:14: model.num_heads must be a decimal integer of at most 64 bits, got ",
                 value));
  }
  const IntegerRange range{.low = -3, .high = 3};
  CHECK(document_of("k: -3").root().integer("k", range) == -3);
  CHECK(document_of("k: 3").root().integer("k", range) == 3);
}

TEST_CASE("numbers are finite decimals") {
  const auto read = [](const std::string& value) {
    return document_of("k: " + value).root().number("k", {});
  };
  CHECK(read("3") == 3.0);
  CHECK(read("1.0e-4") == 1.0e-4);
  CHECK(read("+.5") == 0.5);
  CHECK(read("5.") == 5.0);
  CHECK(read("1E+3") == 1000.0);
  CHECK(read("0.1") == 0.1);
  CHECK(read("4.9406564584124654e-324") == std::numeric_limits<double>::denorm_min());
  CHECK(std::signbit(read("-0.0")));
}

TEST_CASE("what is no finite decimal number is refused") {
  const std::string text = "c.yaml:1:5: lr must be a finite decimal number, got ";
  for (const char* value : {".inf", "-.inf", ".nan", "inf", "nan", "1e999", "010", "00.5", "0x1p3",
                            "1e", "e3", ".", "1.2.3", "1.5f", "true"}) {
    CHECK(number_refusal(value) == text + value);
  }
  CHECK(number_refusal("'1.5'") == text + "the text \"1.5\"");
  CHECK(number_refusal("") == "c.yaml:1:1: lr must be a finite decimal number, got nothing (null)");
}

TEST_CASE("numbers out of range are refused with the range") {
  CHECK(number_refusal("1.5", {.low = 0, .high = 1}) ==
        "c.yaml:1:5: lr must be between 0 and 1, got 1.5");
  CHECK(number_refusal("0", {.above = 0}) == "c.yaml:1:5: lr must be above 0, got 0");
  CHECK(number_refusal("1.0", {.low = 0, .below = 1}) ==
        "c.yaml:1:5: lr must be at least 0 and below 1, got 1.0");
  CHECK(number_refusal("-1", {.high = 2, .above = 0}) ==
        "c.yaml:1:5: lr must be above 0 and at most 2, got -1");
  CHECK(number_refusal("1", {.above = 0, .below = 1}) ==
        "c.yaml:1:5: lr must be above 0 and below 1, got 1");
  CHECK(number_refusal("1", {.low = 1.5}) == "c.yaml:1:5: lr must be at least 1.5, got 1");
  CHECK(document_of("k: 0.0").root().number("k", {.low = 0, .below = 1}) == 0.0);
}

TEST_CASE("booleans are true and false only") {
  CHECK(document_of("k: true").root().boolean("k"));
  CHECK_FALSE(document_of("k: false").root().boolean("k"));
  for (const char* value : {"yes", "no", "on", "True", "TRUE", "1", "0"}) {
    CHECK(refusal_of([&] { document_of(concat("k: ", value)).root().boolean("k"); }) ==
          concat("c.yaml:1:4: k must be true or false, got ", value));
  }
  CHECK(refusal_of([] { document_of("k: 'true'").root().boolean("k"); }) ==
        "c.yaml:1:4: k must be true or false, got the text \"true\"");
}

TEST_CASE("a text is any scalar but null") {
  CHECK(document_of("k: 010").root().text("k") == "010");
  CHECK(document_of("k: ''").root().text("k").empty());
  CHECK(document_of("k: 'null'").root().text("k") == "null");
  CHECK(refusal_of([] { document_of("k: ~").root().text("k"); }) ==
        "c.yaml:1:4: k must be a text, got nothing (null)");
  CHECK(refusal_of([] { document_of("k: [a]").root().text("k"); }) ==
        "c.yaml:1:4: k must be a text, got a list");
}

TEST_CASE("a choice lists the names and the nearest") {
  const Texts names = {"relu", "gelu", "gelu_tanh"};
  CHECK(document_of("k: gelu").root().choice("k", names) == "gelu");
  const auto refusal = [&](const std::string& value) {
    return refusal_of([&] { document_of("k: " + value).root().choice("k", names); });
  };
  CHECK(refusal("rleu") ==
        "c.yaml:1:4: k must be one of relu, gelu, gelu_tanh, got rleu; did you mean relu?");
  CHECK(
      refusal("gelu-tanh") ==
      "c.yaml:1:4: k must be one of relu, gelu, gelu_tanh, got gelu-tanh; did you mean gelu_tanh?");
  CHECK(refusal("silent") == "c.yaml:1:4: k must be one of relu, gelu, gelu_tanh, got silent");
  CHECK(refusal("{}") == "c.yaml:1:4: k must be one of relu, gelu, gelu_tanh, got a map");
  CHECK(refusal("null") ==
        "c.yaml:1:4: k must be one of relu, gelu, gelu_tanh, got nothing (null)");
}

TEST_CASE("swapped letters are the nearest of equals") {
  CHECK(refusal_of([] {
          document_of("k: fomr").root().choice("k", {"from", "form"});
        }) == "c.yaml:1:4: k must be one of from, form, got fomr; did you mean form?");
}

TEST_CASE("lists name the element that is wrong") {
  CHECK(document_of("k: [3, 1]").root().integers("k", {}) == Integers{3, 1});
  CHECK(document_of("k: []").root().integers("k", {}).empty());
  CHECK(refusal_of([] { document_of("k: [1, 2, 9]").root().integers("k", {.high = 5}); }) ==
        "c.yaml:1:11: k[2] must be at most 5, got 9");
  CHECK(refusal_of([] { document_of("k: 3").root().integers("k", {}); }) ==
        "c.yaml:1:4: k must be a list of integers, got 3");
  CHECK(document_of("k: [a, b c]").root().texts("k") == Texts{"a", "b c"});
  CHECK(document_of("k: a b").root().texts("k") == Texts{"a b"});
  CHECK(refusal_of([] { document_of("m: {k: [a, [b]]}").root().section("m").texts("k"); }) ==
        "c.yaml:1:12: m.k[1] must be a text, got a list");
  CHECK(refusal_of([] { document_of("k: {}").root().texts("k"); }) ==
        "c.yaml:1:4: k must be a text or a list of texts, got a map");
  CHECK(refusal_of([] { document_of("k: [a, ]\nj: [~]").root().texts("j"); }) ==
        "c.yaml:2:5: j[0] must be a text, got nothing (null)");
}

TEST_CASE("fallbacks stand in for keys that are not there") {
  const Document document = document_of("a: 1");
  const Reader reader = document.root();
  CHECK(reader.integer("i", {.low = 1}, 5) == 5);
  CHECK(reader.number("n", {}, 0.25) == 0.25);
  CHECK(reader.boolean("b", true));
  CHECK(reader.text("t", "x") == "x");
  CHECK(reader.choice("c", {"p", "q"}, "q") == "q");
  CHECK(reader.integers("is", {}, {1, 2}) == Integers{1, 2});
  CHECK(reader.texts("ts", {"u"}) == Texts{"u"});
  CHECK(reader.integer("a", {}, 7) == 1);
}

TEST_CASE("a value equal to the fallback is taken even out of range") {
  CHECK(document_of("k: 0").root().integer("k", {.low = 1}, 0) == 0);
  CHECK(document_of("k: 0").root().number("k", {.above = 0}, 0.0) == 0.0);
  CHECK(document_of("k: ''").root().choice("k", {"a"}, "").empty());
  CHECK(refusal_of([] { document_of("k: -1").root().integer("k", {.low = 1}, 0); }) ==
        "c.yaml:1:4: k must be at least 1, got -1");
}

TEST_CASE("a key that is not there is missing with its path") {
  const Document document = document_of("seed: 1\nmodel:\n  d_model: 8\n  num_head: 2\n");
  const Reader model = document.root().section("model");
  CHECK(refusal_of([&] { model.integer("ffn_dim", {}); }) ==
        "c.yaml:3:3: model.ffn_dim must be given");
  CHECK(refusal_of([&] { model.integer("num_heads", {}); }) ==
        "c.yaml:4:3: model.num_heads must be given; did you mean it by num_head?");
  CHECK(refusal_of([&] { document.root().section("data").text("train"); }) ==
        "c.yaml:1:1: data.train must be given");
}

TEST_CASE("finish names the first key that nobody asked for") {
  const Document document = document_of("model:\n  num_head: 7\n  zebra: 1\n");
  const Reader root = document.root();
  const Reader model = root.section("model");
  CHECK_NOTHROW(root.finish());
  CHECK(refusal_of([&] { model.finish(); }) == "c.yaml:2:3: unknown key model.num_head");
  model.integer("num_layers", {}, 2);
  model.integer("num_heads", {}, 2);
  CHECK(refusal_of([&] { model.finish(); }) ==
        "c.yaml:2:3: unknown key model.num_head; did you mean num_heads?");
  model.integer("num_head", {});
  CHECK(refusal_of([&] { model.finish(); }) ==
        "c.yaml:3:3: unknown key model.zebra; the known keys are num_layers, num_heads, num_head");
}

TEST_CASE("finish sees what any reader of the same map asked for") {
  const Document document = document_of("m: {a: 1, b: 2}");
  document.root().section("m").integer("a", {});
  document.root().section("m").integer("b", {});
  CHECK_NOTHROW(document.root().section("m").finish());
}

TEST_CASE("has and shape do not count as asking") {
  const Document document = document_of("s: 1\nm: {a: 1}\nl: [1]\nn:\n");
  const Reader reader = document.root();
  CHECK(reader.has("s"));
  CHECK(reader.has("n"));
  CHECK_FALSE(reader.has("x"));
  CHECK(reader.shape("s") == "scalar");
  CHECK(reader.shape("m") == "map");
  CHECK(reader.shape("l") == "list");
  CHECK(reader.shape("n") == "scalar");
  CHECK(reader.shape("x").empty());
  CHECK(refusal_of([&] { reader.finish(); }) == "c.yaml:1:1: unknown key s");
}

TEST_CASE("a section must be a map") {
  CHECK(refusal_of([] { document_of("model: 7").root().section("model"); }) ==
        "c.yaml:1:8: model must be a map, got 7");
  CHECK(refusal_of([] { document_of("model: [7]").root().section("model"); }) ==
        "c.yaml:1:8: model must be a map, got a list");
  CHECK(refusal_of([] { document_of("model:\nseed: 1").root().section("model"); }) ==
        "c.yaml:1:1: model must be a map, got nothing (null)");
}

TEST_CASE("a missing section reads as an empty map") {
  const Document document = document_of("seed: 1");
  const Reader inner = document.root().section("a").section("b");
  CHECK(inner.integer("k", {}, 3) == 3);
  CHECK(inner.place("k") == "c.yaml:1:1: a.b.k");
  CHECK_NOTHROW(inner.finish());
}

TEST_CASE("place points at the value, or at the map of a key that is not there") {
  const Document document = document_of("seed: 1\nmodel:\n  d_model:   512\n");
  const Reader model = document.root().section("model");
  CHECK(model.place("d_model") == "c.yaml:3:14: model.d_model");
  CHECK(model.place("absent") == "c.yaml:3:3: model.absent");
  CHECK(model.place() == "c.yaml:3:3: model");
  CHECK(document.root().place() == "c.yaml:1:1: the configuration");
}

TEST_CASE("a long or broken value is shown in one short line") {
  CHECK(integer_refusal("\"a\\nb\"") ==
        "c.yaml:2:14: model.num_heads must be a decimal integer, got the text \"a\\x0ab\"");
  const std::string text =
      integer_refusal(std::string(79, 'x') + "\xC3\xA4" + std::string(500, 'y'));
  CHECK(text.ends_with("got " + std::string(79, 'x') + "..."));
}

TEST_CASE("an integer or a word reads as a number or as nothing") {
  const auto read = [](const std::string& text, std::optional<std::int64_t> fallback) {
    const auto document = document_of(text);
    const auto value = document.root().integer_or("size", "auto", {.low = 1, .high = 9}, fallback);
    return std::pair(value, document.resolved());
  };
  CHECK(read("size: 4\n", 2).first == 4);
  CHECK_FALSE(read("size: auto\n", 2).first.has_value());
  CHECK(read("{}\n", 2).first == 2);
  CHECK_FALSE(read("{}\n", std::nullopt).first.has_value());
  CHECK(read("size: auto\n", 2).second == "size: auto\n");
  CHECK(read("{}\n", std::nullopt).second == "size: auto\n");
  CHECK(read("size: 4\n", 2).second == "size: 4\n");
  const auto refusal = [&](const std::string& text) { return refusal_of([&] { read(text, 2); }); };
  CHECK(refusal("size: automatic\n") ==
        "c.yaml:1:7: size must be auto or a decimal integer between 1 and 9, got automatic");
  CHECK(refusal("size: 10\n") == "c.yaml:1:7: size must be between 1 and 9, got 10");
  CHECK(refusal("size: [1]\n") ==
        "c.yaml:1:7: size must be auto or a decimal integer between 1 and 9, got a list");
}

TEST_CASE("the maps of a list are read one by one, and printed as they were") {
  const auto document = document_of("k: [{a: 1}, {a: 2, b: x}]");
  const Reader root = document.root();
  CHECK(root.shape("k") == "list");
  CHECK(root.shape("k[0]") == "map");
  CHECK(root.shape("k[1]") == "map");
  CHECK(root.shape("k[2]").empty());
  CHECK(root.shape("j[0]").empty());
  CHECK(root.section("k[0]").integer("a", {}) == 1);
  const Reader second = root.section("k[1]");
  CHECK(second.integer("a", {}) == 2);
  CHECK(refusal_of([&] { second.finish(); }).find("unknown key k[1].b") != std::string::npos);
  CHECK(second.text("b") == "x");
  second.finish();
  root.finish();
  CHECK(refusal_of([&] { root.section("k[2]"); }).find("k[2] must be given") != std::string::npos);
  const std::string resolved = document.resolved();
  CHECK(resolved == "k:\n  -\n    a: 1\n  -\n    a: 2\n    b: x\n");
  CHECK(document_of(resolved).root().section("k[1]").text("b") == "x");
  const auto list = document_of("k: [{a: 1}, 2]");
  CHECK(list.root().shape("k[1]") == "scalar");
  CHECK(refusal_of([&] { list.root().section("k[1]"); }).find("k[1] must be a map, got 2") !=
        std::string::npos);
}

}  // namespace
}  // namespace longspan::config
