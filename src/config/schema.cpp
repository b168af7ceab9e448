// A schema from what a reader asks (exploration.h).
#include "longspan/config/schema.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "config/exploration.h"
#include "config/recorder.h"

namespace longspan::config {
namespace {

using Form = Recorder::Question::Form;
using Key = Exploration::Key;

// A bound that is not the same everywhere follows from another key.
Json merged(Json left, const Json& right) {
  for (const char* bound : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
    if (left.contains(bound) && (!right.contains(bound) || left.at(bound) != right.at(bound)))
      left.erase(bound);
  return left;
}

// Returns one schema that takes what either takes, or nothing where they are of two types.
std::optional<Json> joined(const Json& left, const Json& right) {
  if (left.contains("type") && right.contains("type") && left.at("type") == right.at("type")) {
    Json result = merged(left, right);
    if (!left.contains("items")) return result;
    const auto items = joined(left.at("items"), right.at("items"));
    if (items) result["items"] = *items;
    return items ? std::optional(result) : std::nullopt;
  }
  if (!left.contains("enum") || !right.contains("enum")) return std::nullopt;
  Json names = left.at("enum");
  for (const Json& name : right.at("enum"))
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return Json{{"enum", names}};
}

void add_alternative(std::vector<Json>& alternatives, const Json& schema) {
  if (schema.contains("anyOf")) {
    for (const Json& each : schema.at("anyOf")) add_alternative(alternatives, each);
    return;
  }
  for (Json& known : alternatives)
    if (const auto both = joined(known, schema)) {
      known = *both;
      return;
    }
  alternatives.push_back(schema);
}

bool takes(const Json& schema, const Json& value) {
  if (schema.contains("enum"))
    return std::ranges::find(schema.at("enum"), value) != schema.at("enum").end();
  const bool is_numeric = schema.contains("type") && schema.at("type").is_string() &&
                          (schema.at("type") == "integer" || schema.at("type") == "number");
  return is_numeric == value.is_number() && (!is_numeric || is_within(schema, value));
}

class Schema {
 public:
  explicit Schema(Exploration known) : known_(std::move(known)) {}
  Json schema_of_map(const std::string& path) const;

 private:
  Json schema_of_property(const Key& key) const;
  std::set<std::string> required_of(const std::string& path, const Variant& variant) const;

  Exploration known_;
};

Json Schema::schema_of_property(const Key& key) const {
  const Property& property = known_.properties.at(key);
  const std::string path = child_path(key.first, key.second);
  std::vector<Json> alternatives;
  for (const auto& [form, schema] : property.forms) {
    if (form == Form::Value) add_alternative(alternatives, schema);
    if (form == Form::Section) alternatives.push_back(schema_of_map(path));
    if (form == Form::ListOfSections)
      alternatives.push_back(list_schema(schema_of_map(path + "[]")));
  }
  const bool has_default = property.has_fallback && !key.first.ends_with("[]");
  // The fallback is taken wherever it lies.
  if (has_default && std::ranges::none_of(alternatives, [&](const Json& schema) {
        return takes(schema, property.fallback);
      }))
    alternatives.push_back({{"enum", Json::array({property.fallback})}});
  Json schema = alternatives.size() == 1 ? alternatives.front() : Json{{"anyOf", alternatives}};
  if (has_default) schema["default"] = property.fallback;
  return schema;
}

// A section must be given where it has keys that must.
std::set<std::string> Schema::required_of(const std::string& path, const Variant& variant) const {
  std::set<std::string> keys = variant.always.value_or(std::set<std::string>());
  std::erase_if(keys, [&](const auto& key) { return !variant.demanded.contains(key); });
  for (const std::string& key : variant.keys) {
    const auto& forms = known_.properties.at({path, key}).forms;
    if (forms.size() == 1 && forms.front().first == Form::Section &&
        schema_of_map(child_path(path, key)).contains("required"))
      keys.insert(key);
  }
  return keys;
}

Json Schema::schema_of_map(const std::string& path) const {
  const auto found = known_.maps.find(path);
  const Map map = found != known_.maps.end() ? found->second : Map();
  Json properties = Json::object();
  for (const std::string& key : map.keys) properties[key] = schema_of_property({path, key});
  Json schema{{"type", "object"}, {"properties", properties}};
  const bool is_open = !map.open_kinds.empty();
  if (!is_open) schema["additionalProperties"] = false;
  std::optional<std::set<std::string>> always;
  bool differs = false;
  for (const auto& [kind, variant] : map.variants) {
    std::set<std::string> now = required_of(path, variant);
    if (always) std::erase_if(now, [&](const auto& key) { return !always->contains(key); });
    always = std::move(now);
    differs = differs || variant.keys != map.variants.begin()->second.keys;
  }
  if (always && !always->empty()) {
    Json& required = schema["required"] = Json::array();
    for (const std::string& key : map.keys)
      if (always->contains(key)) required.push_back(key);
  }
  if (!differs) return schema;
  const Json usual =
      properties.contains(kKind) ? properties[kKind].value("default", Json()) : Json();
  for (const auto& [kind, variant] : map.variants) {
    Json condition{{"properties", {{kKind, {{"const", kind}}}}}};
    if (usual != kind) condition["required"] = Json::array({kKind});
    Json then = Json::object(), names = Json::array(), required = Json::array();
    for (const std::string& key : map.keys)
      if (variant.keys.contains(key)) names.push_back(key);
    if (!map.open_kinds.contains(kind)) then["propertyNames"] = {{"enum", names}};
    for (const std::string& key : required_of(path, variant))
      if (!always->contains(key)) required.push_back(key);
    if (!required.empty()) then["required"] = required;
    schema["allOf"].push_back({{"if", condition}, {"then", then}});
  }
  return schema;
}

void add_leaves(const Json& schema, const std::string& path, std::vector<std::string>& leaves) {
  if (schema.value("type", Json()) != "object") return leaves.push_back(path);
  for (const auto& [key, value] : schema.at("properties").items())
    add_leaves(value, child_path(path, key), leaves);
}

}  // namespace

Json json_schema(const std::function<void(const Reader&)>& read, std::string_view start,
                 std::string_view title) {
  const Schema found(explore(read, parse_json(start, "the start of a schema")));
  Json schema{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", title}};
  schema.update(found.schema_of_map(""));
  return schema;
}

std::vector<std::string> leaves_of_schema(const Json& schema) {
  std::vector<std::string> leaves;
  add_leaves(schema, "", leaves);
  return leaves;
}

}  // namespace longspan::config
