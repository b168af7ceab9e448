#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/node.h"
#include "longspan/config/reader.h"
#include "longspan/core/json.h"

namespace longspan::config {

/// What readers ask of a document, in their order.
struct Recorder {
  /// A key that was asked for.
  struct Question {
    enum class Form { Value, Section, ListOfSections };
    std::string map;  ///< its dotted path, with [] for an item of a list
    std::string key;
    Form form = Form::Value;
    Json schema = nullptr;    ///< JSON Schema of a Value
    Json fallback = nullptr;  ///< of a Value; null: not the same everywhere, or none
    bool is_required = false;
  };
  std::vector<Question> questions;
  std::vector<std::pair<std::string, std::string>> looks;  ///< map and key of has() and shape()
  std::set<std::string> finished;                          ///< maps
  std::set<std::string> open;                              ///< maps whose keys() were asked for
};

/// Returns a path with [] for the number of each item.
std::string without_numbers(std::string_view path);

// JSON Schemas of what the getters of Reader take.
Json schema_of(const IntegerRange& range);
Json schema_of(const NumberRange& range);
Json boolean_schema();
Json text_schema();
Json choice_schema(const std::vector<std::string>& names);
Json list_schema(Json item);
Json one_or_list_schema(const Json& item);
Json word_or(std::string_view word, const Json& other);

}  // namespace longspan::config
