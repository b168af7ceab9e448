#include "longspan/core/json_text.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>

#include "longspan/core/error.h"

namespace longspan {
namespace {

std::string found(std::string_view object) { return json_text_of(object, "text", {"f", 7}); }

std::string refused(std::string_view object) {
  try {
    return "found " + found(object);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    return error.what();
  }
}

}  // namespace

TEST_CASE("JSON text: the text under a key of the object itself, with its escapes read") {
  CHECK(found(R"({"text": "the cat"})") == "the cat");
  CHECK(found(R"( {"a": {"text": 1, "b": ["text", {"text": null}]}, "text":"", "c": -1.5e3} )")
            .empty());
  CHECK(found(R"({"text": "\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00"})") ==
        "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(found(R"({"\u0074ext": "a\u0000b"})") == std::string("a\0b", 3));
  CHECK(json_text_of(R"({"text": 1, "": "b"})", "", {"f", 1}) == "b");
  CHECK(found("{\"a\": " + std::string(100000, '[') + std::string(100000, ']') +
              ", \"text\": \"deep\"}") == "deep");
}

TEST_CASE("JSON text: what is no object with one text is refused with file and line") {
  const std::string rule = "f:7: an object must have one text under the key text, ";
  CHECK(refused("{}") == rule + "it is not there");
  CHECK(refused(R"({"a": {"text": "b"}})") == rule + "it is not there");
  CHECK(refused(R"({"text": "a", "text": "b"})") == rule + "it is there twice");
  CHECK(refused(R"({"text": null})") == rule + "found null");
  CHECK(refused(R"({"text": true})") == rule + "found true or false");
  CHECK(refused(R"({"text": 7})") == rule + "found a number");
  CHECK(refused(R"({"text": -7})") == rule + "found a number");
  CHECK(refused(R"({"text": 7.5})") == rule + "found a number");
  CHECK(refused(R"({"text": ["a"]})") == rule + "found a list");
  CHECK(refused(R"({"text": {"a": "b"}})") == rule + "found an object");
  CHECK(refused(R"(["text"])") == "f:7: must be a JSON object a line, found a list");
  CHECK(refused(R"("text")") == "f:7: must be a JSON object a line, found a text");
}

TEST_CASE("JSON text: what is no JSON is refused with the column, whatever it holds") {
  using Catch::Matchers::StartsWith;
  const std::string rule = ": must be a JSON object a line: ";
  CHECK_THAT(refused(""), StartsWith("f:7:1" + rule));
  CHECK_THAT(refused("{"), StartsWith("f:7:2" + rule));
  CHECK_THAT(refused("{} {}"), StartsWith("f:7:4" + rule));
  CHECK_THAT(refused(R"({"text": "a)"), StartsWith("f:7:12" + rule));
  CHECK_THAT(refused(R"({"text": "\ud83d"})"), StartsWith("f:7:17" + rule));
  CHECK_THAT(refused(R"({"text": "\ude00"})"), StartsWith("f:7:16" + rule));
  CHECK_THAT(refused(R"({"text": "\x"})"), StartsWith("f:7:12" + rule));
  CHECK_THAT(refused("{\"text\": \"a\tb\"}"), StartsWith("f:7:12" + rule));
  CHECK_THAT(refused("{\"text\": \"\xFF\"}"), StartsWith("f:7:11" + rule));
  CHECK_THAT(refused(R"({"text": "a", "b": 1e999})"), StartsWith("f:7:"));
  CHECK(refused("{\"text\": \"" + std::string(100000, 'x') + "\\q\"}").size() < 300);
}

}  // namespace longspan
