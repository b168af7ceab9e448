// The getters of Reader, as JSON Schema has them.
#include "config/recorder.h"

#include <limits>

namespace longspan::config {

std::string without_numbers(std::string_view path) {
  std::string result;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) result += c;
    if (c == '[') inside = true;
  }
  return result;
}

Json schema_of(const IntegerRange& range) {
  const IntegerRange all;
  Json schema{{"type", "integer"}};
  if (range.low != all.low) schema["minimum"] = range.low;
  if (range.high != all.high) schema["maximum"] = range.high;
  return schema;
}

Json schema_of(const NumberRange& range) {
  const NumberRange all;
  Json schema{{"type", "number"}};
  if (range.low != all.low) schema["minimum"] = range.low;
  if (range.above) schema["exclusiveMinimum"] = *range.above;
  if (range.high != all.high) schema["maximum"] = range.high;
  if (range.below) schema["exclusiveMaximum"] = *range.below;
  return schema;
}

Json boolean_schema() { return {{"type", "boolean"}}; }

// A text need not be quoted, so an editor takes some for numbers.
Json text_schema() { return {{"type", {"string", "number", "boolean"}}}; }

Json choice_schema(const std::vector<std::string>& names) { return {{"enum", names}}; }

Json list_schema(Json item) { return {{"type", "array"}, {"items", std::move(item)}}; }

Json one_or_list_schema(const Json& item) {
  return {{"anyOf", Json::array({item, list_schema(item)})}};
}

Json word_or(std::string_view word, const Json& other) {
  return {{"anyOf", Json::array({Json{{"enum", Json::array({word})}}, other})}};
}

}  // namespace longspan::config
