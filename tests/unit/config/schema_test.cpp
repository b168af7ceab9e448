// A schema must take what the reader takes, whatever key another key's presence, range or default
// depends on.

#include "longspan/config/schema.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "longspan/core/error.h"
#include "unit/core/error_of.h"

namespace longspan::config {
namespace {

void read_kinds(const Reader& reader) {
  const std::string kind = reader.choice("kind", {"round", "square"}, "round");
  if (kind == "round") {
    reader.number("radius", {.high = 9.0, .above = 0.0}, 1.0);
  } else {
    reader.integer("side", {.low = 1});
    reader.boolean("hollow", true);
  }
  reader.finish();
}

void read_top(const Reader& root) {
  root.text("name");
  const auto size = root.integer("size", {.low = 1, .high = 64});
  root.integer("part", {.low = 1, .high = size}, size);
  root.integer_or("threads", "auto", {.low = 1}, std::nullopt);
  read_kinds(root.section("shape"));
  if (root.shape("text") == "map") {
    const auto text = root.section("text");
    text.paths("tokens");
    text.finish();
  } else {
    root.paths("text");
  }
  if (root.integer("warmup", {.low = 0}, 0) > 0)
    root.number("start", {.low = 0.0, .high = static_cast<double>(size)}, 0.0);
  if (root.has("extra")) root.boolean("extra");
  root.finish();
}

Json property(const Json& schema, const std::string& key) {
  return schema.at("properties").at(key);
}

TEST_CASE("a schema has the types, ranges, choices and defaults of the reader") {
  const Json schema = json_schema(read_top, "{}", "A test");
  CHECK(schema.at("title") == "A test");
  CHECK(schema.at("additionalProperties") == false);
  CHECK(schema.at("required") == Json({"name", "size", "text"}));
  CHECK(property(schema, "size") == Json({{"type", "integer"}, {"minimum", 1}, {"maximum", 64}}));
  CHECK(property(schema, "name").at("type") == Json({"string", "number", "boolean"}));
  CHECK(property(schema, "threads").at("default") == "auto");
  CHECK(property(schema, "threads").at("anyOf") ==
        Json::array({Json{{"enum", {"auto"}}}, Json{{"type", "integer"}, {"minimum", 1}}}));
  CHECK(property(schema, "extra") == Json({{"type", "boolean"}}));
}

TEST_CASE("a bound or default that follows from another key is left out") {
  const Json schema = json_schema(read_top, "{}", "A test");
  CHECK(property(schema, "part") == Json({{"type", "integer"}, {"minimum", 1}}));
  // Asked for where another key is above 0 alone, so its bound is seen to change in two steps.
  CHECK(property(schema, "start") ==
        Json({{"type", "number"}, {"minimum", 0.0}, {"default", 0.0}}));
}

TEST_CASE("what a key may be besides a scalar is found by its shape") {
  const Json text = property(json_schema(read_top, "{}", "A test"), "text");
  REQUIRE(text.at("anyOf").size() == 3);
  CHECK(text.at("anyOf").at(1).at("type") == "array");
  CHECK(text.at("anyOf").at(2).at("required") == Json::array({"tokens"}));
}

TEST_CASE("each kind has its own keys") {
  const Json shape = property(json_schema(read_top, "{}", "A test"), "shape");
  CHECK(property(shape, "kind") == Json({{"enum", {"round", "square"}}, {"default", "round"}}));
  CHECK(property(shape, "radius") ==
        Json({{"type", "number"}, {"exclusiveMinimum", 0.0}, {"maximum", 9.0}, {"default", 1.0}}));
  REQUIRE(shape.at("allOf").size() == 2);
  const Json &round = shape.at("allOf").at(0), &square = shape.at("allOf").at(1);
  CHECK(round.at("if") == Json({{"properties", {{"kind", {{"const", "round"}}}}}}));
  CHECK(round.at("then") == Json({{"propertyNames", {{"enum", {"kind", "radius"}}}}}));
  CHECK(square.at("if").at("required") == Json::array({"kind"}));
  CHECK(square.at("then") == Json({{"propertyNames", {{"enum", {"kind", "side", "hollow"}}}},
                                   {"required", Json::array({"side"})}}));
}

TEST_CASE("a map whose keys the reader lists takes any") {
  const auto read = [](const Reader& root) {
    for (const auto& key : root.section("grid").keys()) root.section("grid").texts(key);
    root.finish();
  };
  const Json schema = json_schema(read, "{}", "A test");
  CHECK(property(schema, "grid") == Json({{"type", "object"}, {"properties", Json::object()}}));
}

TEST_CASE("the keys of a schema are its leaves") {
  CHECK(leaves_of_schema(json_schema(read_top, "{}", "A test")) ==
        std::vector<std::string>{"name", "size", "part", "threads", "shape.kind", "shape.radius",
                                 "shape.side", "shape.hollow", "text", "warmup", "start", "extra"});
}

TEST_CASE("a reader that takes no document has no schema") {
  const Error error = testing::error_of([] {
    json_schema([](const Reader&) { throw Error(ErrorKind::Config, "never"); }, "{}", "A test");
  });
  CHECK(error.kind() == ErrorKind::Internal);
  CHECK(std::string(error.what()).find("never") != std::string::npos);
}

}  // namespace
}  // namespace longspan::config
