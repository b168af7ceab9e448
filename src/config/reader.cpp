// The getters. Each marks its key as asked for and records what it gave, so that finish() can name
// what nobody asked for and resolved() can print a complete file.
#include "longspan/config/reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/node.h"
#include "config/recorder.h"
#include "config/scalar.h"
#include "config/values.h"
#include "longspan/config/nearest.h"
#include "longspan/core/error.h"

namespace longspan::config {
namespace {

[[noreturn]] void refuse_missing(const Node& map, std::string_view key) {
  const std::string path = child_path(map.path, key);
  for (const Entry& entry : map.entries) {
    if (entry.asked || !is_very_near(entry.key, key)) continue;
    throw Error(ErrorKind::Config, concat(to_text(entry.key_place), ": ", path,
                                          " must be given; did you mean it by ", entry.key, "?"));
  }
  throw Error(ErrorKind::Config, concat(to_text(map.place), ": ", path, " must be given"));
}

const Node* ask(Node& map, std::string_view key) {
  if (std::find(map.asked.begin(), map.asked.end(), key) == map.asked.end()) {
    map.asked.emplace_back(key);
  }
  Entry* entry = map.find(key);
  if (entry == nullptr) return nullptr;
  entry->asked = true;
  return entry->value.get();
}

void record(Node& map, Given given) {
  for (Given& old : map.given) {
    if (old.key == given.key) {
      old = std::move(given);
      return;
    }
  }
  map.given.push_back(std::move(given));
}

// Splits "key[2]" into the key of a list that is there and the number of an item. A key that has
// brackets of its own is left whole.
std::pair<std::string_view, std::optional<std::size_t>> split_item(Node& map,
                                                                   std::string_view key) {
  const std::size_t open = key.rfind('[');
  std::size_t item = 0;
  if (open == std::string_view::npos || map.find(key) != nullptr) return {key, std::nullopt};
  const Entry* list = map.find(key.substr(0, open));
  const char* const end = key.data() + key.size();
  const auto [stop, problem] = std::from_chars(key.data() + open + 1, end, item);
  const bool is_item = list != nullptr && list->value->kind == Node::Kind::List &&
                       problem == std::errc{} && stop + 1 == end && *stop == ']';
  if (!is_item) return {key, std::nullopt};
  return {key.substr(0, open), item};
}

// Nothing where the value is no list or a shorter one.
std::shared_ptr<Node> item_of(const Node& value, std::size_t item) {
  return item < value.items.size() ? value.items[item] : nullptr;
}

using Form = Recorder::Question::Form;

// Tells the recorder, if any, of a key's value. @param fallback nothing: it must be given
template <class Value, class MakeSchema>
void note(const Node& map, std::string_view key, const Value* fallback, MakeSchema make_schema) {
  if (map.recorder == nullptr) return;
  map.recorder->questions.push_back({without_numbers(map.path), std::string(key), Form::Value,
                                     make_schema(), fallback ? Json(*fallback) : Json(),
                                     fallback == nullptr});
}

void note_section(const Node& map, std::string_view key, Form form) {
  if (map.recorder != nullptr)
    map.recorder->questions.push_back({without_numbers(map.path), std::string(key), form});
}

void note_look(const Node& map, std::string_view key) {
  if (map.recorder != nullptr)
    map.recorder->looks.emplace_back(without_numbers(map.path), key.substr(0, key.find('[')));
}

// Gives the value of a key: converted, or else the fallback, or else an error.
template <class Value, class Convert>
Value give(Node& map, std::string_view key, const Value* fallback, Convert convert) {
  const Node* value = ask(map, key);
  if (value == nullptr && fallback == nullptr) refuse_missing(map, key);
  Value result = value != nullptr ? convert(*value) : *fallback;
  record(map, {std::string(key), to_yaml(result), nullptr});
  return result;
}

}  // namespace

Reader::Reader(std::shared_ptr<Node> node) : node_(std::move(node)) {}

bool Reader::has(std::string_view key) const {
  note_look(*node_, key);
  return node_->find(key) != nullptr;
}

std::string_view Reader::shape(std::string_view key) const {
  note_look(*node_, key);
  const auto [name, item] = split_item(*node_, key);
  const Entry* entry = node_->find(name);
  if (entry == nullptr) return "";
  const Node* value = item ? item_of(*entry->value, *item).get() : entry->value.get();
  if (value == nullptr) return "";
  if (value->kind == Node::Kind::Map) return "map";
  return value->kind == Node::Kind::List ? "list" : "scalar";
}

std::vector<std::string> Reader::keys() const {
  if (node_->recorder != nullptr) node_->recorder->open.insert(without_numbers(node_->path));
  std::vector<std::string> keys;
  for (const Entry& entry : node_->entries) keys.push_back(entry.key);
  return keys;
}

std::int64_t Reader::integer(std::string_view key, IntegerRange range) const {
  note<std::int64_t>(*node_, key, nullptr, [&] { return schema_of(range); });
  return give<std::int64_t>(*node_, key, nullptr,
                            [&](const Node& value) { return to_integer(value, range, nullptr); });
}

std::int64_t Reader::integer(std::string_view key, IntegerRange range,
                             std::int64_t fallback) const {
  note(*node_, key, &fallback, [&] { return schema_of(range); });
  return give(*node_, key, &fallback,
              [&](const Node& value) { return to_integer(value, range, &fallback); });
}

std::optional<std::int64_t> Reader::integer_or(std::string_view key, std::string_view word,
                                               IntegerRange range,
                                               std::optional<std::int64_t> fallback) const {
  const Json given = fallback ? Json(*fallback) : Json(word);
  note(*node_, key, &given, [&] { return word_or(word, schema_of(range)); });
  const Node* value = ask(*node_, key);
  std::optional<std::int64_t> result = fallback;
  if (value != nullptr)
    result = to_integer_or(*value, word, range, fallback ? &*fallback : nullptr);
  record(*node_, {std::string(key), result ? to_yaml(*result) : std::string(word), nullptr});
  return result;
}

double Reader::number(std::string_view key, NumberRange range) const {
  note<double>(*node_, key, nullptr, [&] { return schema_of(range); });
  return give<double>(*node_, key, nullptr,
                      [&](const Node& value) { return to_number(value, range, nullptr); });
}

double Reader::number(std::string_view key, NumberRange range, double fallback) const {
  note(*node_, key, &fallback, [&] { return schema_of(range); });
  return give(*node_, key, &fallback,
              [&](const Node& value) { return to_number(value, range, &fallback); });
}

bool Reader::boolean(std::string_view key) const {
  note<bool>(*node_, key, nullptr, boolean_schema);
  return give<bool>(*node_, key, nullptr, to_boolean);
}

bool Reader::boolean(std::string_view key, bool fallback) const {
  note(*node_, key, &fallback, boolean_schema);
  return give(*node_, key, &fallback, to_boolean);
}

std::string Reader::text(std::string_view key) const {
  note<std::string>(*node_, key, nullptr, text_schema);
  return give<std::string>(*node_, key, nullptr, to_word);
}

std::string Reader::text(std::string_view key, const std::string& fallback) const {
  note(*node_, key, &fallback, text_schema);
  return give(*node_, key, &fallback, to_word);
}

std::string Reader::choice(std::string_view key, const std::vector<std::string>& names) const {
  note<std::string>(*node_, key, nullptr, [&] { return choice_schema(names); });
  return give<std::string>(*node_, key, nullptr,
                           [&](const Node& value) { return to_choice(value, names, nullptr); });
}

std::string Reader::choice(std::string_view key, const std::vector<std::string>& names,
                           const std::string& fallback) const {
  note(*node_, key, &fallback, [&] { return choice_schema(names); });
  return give(*node_, key, &fallback,
              [&](const Node& value) { return to_choice(value, names, &fallback); });
}

std::vector<std::int64_t> Reader::integers(std::string_view key, IntegerRange range) const {
  note<std::vector<std::int64_t>>(*node_, key, nullptr,
                                  [&] { return list_schema(schema_of(range)); });
  return give<std::vector<std::int64_t>>(
      *node_, key, nullptr, [&](const Node& value) { return to_integers(value, range); });
}

std::vector<std::int64_t> Reader::integers(std::string_view key, IntegerRange range,
                                           const std::vector<std::int64_t>& fallback) const {
  note(*node_, key, &fallback, [&] { return list_schema(schema_of(range)); });
  return give(*node_, key, &fallback, [&](const Node& value) { return to_integers(value, range); });
}

std::vector<std::string> Reader::texts(std::string_view key) const {
  note<std::vector<std::string>>(*node_, key, nullptr,
                                 [] { return one_or_list_schema(text_schema()); });
  return give<std::vector<std::string>>(*node_, key, nullptr, to_words);
}

std::vector<std::string> Reader::texts(std::string_view key,
                                       const std::vector<std::string>& fallback) const {
  note(*node_, key, &fallback, [] { return one_or_list_schema(text_schema()); });
  return give(*node_, key, &fallback, to_words);
}

std::string Reader::path(std::string_view key) const {
  note<std::string>(*node_, key, nullptr, text_schema);
  return give<std::string>(*node_, key, nullptr,
                           [](const Node& value) { return to_path(value, nullptr); });
}

std::string Reader::path(std::string_view key, const std::string& fallback) const {
  const Json given = fallback.empty() ? Json("") : Json();  // else it depends on the folder
  note(*node_, key, &given, text_schema);
  const std::string absolute = fallback.empty() ? "" : absolute_path(fallback, folder());
  return give(*node_, key, &absolute, [&](const Node& value) { return to_path(value, &absolute); });
}

std::vector<std::string> Reader::paths(std::string_view key) const {
  note<std::vector<std::string>>(*node_, key, nullptr,
                                 [] { return one_or_list_schema(text_schema()); });
  return give<std::vector<std::string>>(*node_, key, nullptr, to_paths);
}

Reader Reader::section(std::string_view key) const {
  if (const auto [name, item] = split_item(*node_, key); item) {
    note_section(*node_, name, Form::ListOfSections);
    const Node* list = ask(*node_, name);
    const auto map = list == nullptr ? nullptr : item_of(*list, *item);
    if (!map) refuse_missing(*node_, key);
    if (map->kind != Node::Kind::Map) refuse_value(*map, "a map");
    record(*node_, {std::string(name), "", nullptr, list->items});
    map->recorder = node_->recorder;
    return Reader(map);
  }
  note_section(*node_, key, Form::Section);
  std::shared_ptr<Node> map;
  if (const Node* value = ask(*node_, key)) {
    if (value->kind != Node::Kind::Map) refuse_value(*value, "a map");
    map = node_->find(key)->value;
  } else {
    map = node_->absent_sections[std::string(key)];
    if (!map) {
      map = std::make_shared<Node>();
      map->kind = Node::Kind::Map;
      map->place = node_->place;
      map->path = child_path(node_->path, key);
      node_->absent_sections[std::string(key)] = map;
    }
  }
  record(*node_, {std::string(key), "", map});
  map->recorder = node_->recorder;
  return Reader(map);
}

void Reader::finish() const {
  if (node_->recorder != nullptr) node_->recorder->finished.insert(without_numbers(node_->path));
  for (const Entry& entry : node_->entries) {
    if (entry.asked) continue;
    const std::string near = nearest(entry.key, node_->asked);
    std::string remedy;
    if (!near.empty() && is_near(entry.key, near)) {
      remedy = concat("; did you mean ", near, "?");
    } else if (!near.empty()) {
      remedy = concat("; the known keys are ", join(node_->asked));
    }
    throw Error(ErrorKind::Config, concat(to_text(entry.key_place), ": unknown key ",
                                          child_path(node_->path, entry.key), remedy));
  }
}

std::string Reader::place(std::string_view key) const {
  const Entry* entry = key.empty() ? nullptr : node_->find(key);
  const Place& place = entry != nullptr ? entry->value->place : node_->place;
  const std::string path = key.empty() ? node_->path : child_path(node_->path, key);
  return concat(to_text(place), ": ", path.empty() ? "the configuration" : path);
}

std::filesystem::path Reader::folder() const { return node_->place.source->folder; }

}  // namespace longspan::config
