#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/recorder.h"
#include "longspan/config/reader.h"
#include "longspan/core/json.h"

namespace longspan::config {

/// The key that says which other keys a map has.
inline constexpr char kKind[] = "kind";

/// What is known of a key over all documents.
struct Property {
  using Form = Recorder::Question::Form;
  std::vector<std::pair<Form, Json>> forms;  ///< each once, in the order of discovery
  Json fallback = nullptr;
  bool has_fallback = false;  ///< the same one everywhere
  bool was_asked = false;
};

/// What is known of a map where its `kind` has one value.
struct Variant {
  std::set<std::string> keys;
  std::set<std::string> demanded;  ///< had to be given in one document at least
  /// What had to be, or was given as a map or list of maps, in each document that was read to the
  /// map's end.
  std::optional<std::set<std::string>> always;
};

struct Map {
  std::vector<std::string> keys;            ///< in the order of discovery
  std::map<std::string, Variant> variants;  ///< by kind; an empty name where it has none
  std::set<std::string> open_kinds;
};

/// What a reader asks, over documents that give each answer which a question names.
struct Exploration {
  using Key = std::pair<std::string, std::string>;  ///< a map's path, a key of it
  std::map<Key, Property> properties;
  std::map<std::string, Map> maps;  ///< by path, as Recorder has it
};

/// Returns whether a number is within the bounds of a JSON Schema.
bool is_within(const Json& schema, const Json& number);

/// Reads many documents, beginning with one to which what is missing is added.
/// @throws Error(Internal) when none of them is taken
Exploration explore(const std::function<void(const Reader&)>& read, Json start);

}  // namespace longspan::config
