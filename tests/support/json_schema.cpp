// A validator that is not the reader: it knows the schema's words and nothing of configurations.

#include "support/json_schema.h"

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>

#include "config/parse.h"
#include "config/scalar.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan::testing {
namespace {

using Violation = std::optional<std::string>;

bool is_of_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  throw std::logic_error("unknown type " + type);
}

Violation type_violation(const Json& type, const Json& value, const std::string& place) {
  const Json types = type.is_array() ? type : Json::array({type});
  const bool fits = std::ranges::any_of(
      types, [&](const Json& each) { return is_of_type(value, each.get<std::string>()); });
  return fits ? Violation() : concat(place, " must be of type ", type, ", got ", value);
}

Violation bound_violation(const std::string& word, const Json& bound, const Json& value,
                          const std::string& place) {
  if (!value.is_number()) return std::nullopt;
  const auto limit = bound.get<double>(), number = value.get<double>();
  const bool fits = word == "minimum"            ? number >= limit
                    : word == "maximum"          ? number <= limit
                    : word == "exclusiveMinimum" ? number > limit
                                                 : number < limit;
  return fits ? Violation() : concat(place, ": ", word, " ", bound, ", got ", value);
}

Violation key_violation(const Json& schema, const Json& value, const std::string& place) {
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [key, each] : value.items()) {
    const std::string child = place.empty() ? key : place + "." + key;
    if (properties.contains(key)) {
      if (const auto found = violation(properties.at(key), each, child)) return found;
    } else if (schema.value("additionalProperties", Json(true)) == false) {
      return child + " is unknown";
    }
    if (schema.contains("propertyNames"))
      if (const auto found = violation(schema.at("propertyNames"), key, child + " as a name"))
        return found;
  }
  for (const Json& key : schema.value("required", Json::array()))
    if (!value.contains(key.get<std::string>()))
      return concat(place, " must have ", key.get<std::string>());
  return std::nullopt;
}

Violation violation_of_word(const Json& schema, const std::string& word, const Json& value,
                            const std::string& place) {
  const Json& wanted = schema.at(word);
  if (word == "type") return type_violation(wanted, value, place);
  if (word == "minimum" || word == "maximum" || word == "exclusiveMinimum" ||
      word == "exclusiveMaximum")
    return bound_violation(word, wanted, value, place);
  if (word == "const") return value == wanted ? Violation() : concat(place, " must be ", wanted);
  if (word == "enum") {
    const bool known = std::ranges::find(wanted, value) != wanted.end();
    return known ? Violation() : concat(place, " must be one of ", wanted, ", got ", value);
  }
  if (word == "items") {
    if (value.is_array())
      for (const Json& item : value)
        if (const auto found = violation(wanted, item, place + "[]")) return found;
    return std::nullopt;
  }
  if (word == "anyOf") {
    std::string all;
    for (const Json& each : wanted) {
      const auto found = violation(each, value, place);
      if (!found) return std::nullopt;
      all += (all.empty() ? "" : "; or ") + *found;
    }
    return all;
  }
  if (word == "allOf") {
    for (const Json& each : wanted)
      if (const auto found = violation(each, value, place)) return found;
    return std::nullopt;
  }
  if (word == "if")
    return violation(wanted, value, place) ? Violation()
                                           : violation(schema.at("then"), value, place);
  static const std::set<std::string> kOfMaps{"properties", "additionalProperties", "propertyNames",
                                             "required"};
  static const std::set<std::string> kNotes{"$schema", "title", "default", "then"};
  if (kNotes.contains(word) || kOfMaps.contains(word)) return std::nullopt;
  throw std::logic_error("unknown word " + word);
}

Json json_of(const config::Node& node) {
  using Kind = config::Node::Kind;
  if (node.kind == Kind::Null) return nullptr;
  if (node.kind == Kind::List) {
    Json list = Json::array();
    for (const auto& item : node.items) list.push_back(json_of(*item));
    return list;
  }
  if (node.kind == Kind::Map) {
    Json map = Json::object();
    for (const auto& entry : node.entries) map[entry.key] = json_of(*entry.value);
    return map;
  }
  if (node.quoted) return node.text;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  if (const auto integer = config::parse_integer(node.text)) return *integer;
  if (const auto number = config::parse_number(node.text)) return *number;
  return node.text;
}

}  // namespace

Violation violation(const Json& schema, const Json& value, const std::string& place) {
  for (const auto& [word, wanted] : schema.items())
    if (const auto found = violation_of_word(schema, word, value, place)) return found;
  return value.is_object() ? key_violation(schema, value, place) : std::nullopt;
}

std::filesystem::path schema_named_by(const std::filesystem::path& yaml) {
  constexpr std::string_view kMark = "# yaml-language-server: $schema=";
  const std::string text = read_file(yaml), line = text.substr(0, text.find('\n'));
  if (!line.starts_with(kMark)) return {};
  return (yaml.parent_path() / line.substr(kMark.size())).lexically_normal();
}

Json json_of_yaml(std::string_view text) {
  const auto source = std::make_shared<const config::Source>(config::Source{"text", false, "/"});
  return json_of(*config::parse_yaml(text, source, ""));
}

}  // namespace longspan::testing
