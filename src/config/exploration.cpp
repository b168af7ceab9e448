// A reader's questions depend on the answers: so each answer that a question knows is given once,
// in a document of its own, and new questions lead to new documents.
#include "config/exploration.h"

#include <algorithm>
#include <cstdint>
#include <deque>

#include "config/parse.h"
#include "longspan/core/error.h"

namespace longspan::config {
namespace {

using Question = Recorder::Question;
using Form = Question::Form;
using Key = Exploration::Key;
constexpr std::size_t kMostDocuments = 20000;

// Names of the keys on the way to a map; an item of a list is its first one.
template <class Step>
void for_each_name(std::string_view path, Step step) {
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    const bool is_item = part.ends_with("[]");
    step(std::string(part.substr(0, part.size() - (is_item ? 2 : 0))), is_item);
  }
}

// Returns a key's value in a document; null when there is none.
Json value_at(const Json& document, const Key& key) {
  const Json* map = &document;
  bool is_there = true;
  for_each_name(key.first, [&](const std::string& name, bool is_item) {
    is_there = is_there && map->is_object() && map->contains(name);
    if (is_there) map = &map->at(name);
    is_there = is_there && (!is_item || (map->is_array() && !map->empty()));
    if (is_there && is_item) map = &map->front();
  });
  return is_there && map->is_object() && map->contains(key.second) ? map->at(key.second) : Json();
}

Json with(Json document, const Key& key, const Json& value) {
  Json* map = &document;
  for_each_name(key.first, [&](const std::string& name, bool is_item) {
    map = &(*map)[name];
    if (is_item && !map->is_array()) *map = Json::array({Json::object()});
    if (is_item) map = &map->front();
    if (!map->is_object()) *map = Json::object();
  });
  (*map)[key.second] = value;
  return document;
}

std::vector<Json> numbers_of(const Json& schema, const Json& current) {
  std::vector<Json> candidates{1, 2, 3};
  if (schema.at("type") == "number") candidates.insert(candidates.end(), {0.5, 0.25, 0.125});
  for (const char* bound : {"minimum", "maximum"})
    if (schema.contains(bound)) candidates.push_back(schema.at(bound));
  for (const Json& candidate : candidates)
    if (candidate != current && is_within(schema, candidate)) return {candidate};
  return {};
}

// Returns values of a schema other than the current one: each where it names them, else one.
std::vector<Json> values_of(const Json& schema, const Json& current) {
  std::vector<Json> values;
  if (schema.contains("enum")) {
    for (const Json& name : schema.at("enum"))
      if (name != current) values.push_back(name);
    return values;
  }
  if (schema.contains("anyOf")) {
    for (const Json& each : schema.at("anyOf"))
      for (const Json& value : values_of(each, current)) values.push_back(value);
    return values;
  }
  const Json& type = schema.at("type");
  if (type == "integer" || type == "number") return numbers_of(schema, current);
  if (type == "boolean") return {current != true};
  if (type == "array") {
    for (const Json& item : values_of(schema.at("items"), nullptr))
      values.push_back(Json::array({item}));
    return values;
  }
  return {current == "text" ? "other" : "text"};
}

class Explorer {
 public:
  Explorer(const std::function<void(const Reader&)>& read, Json start) : read_(read) {
    add(std::move(start));
  }

  Exploration explore() {
    std::size_t count = 0;
    for (; !waiting_.empty(); waiting_.pop_front()) {
      check(++count <= kMostDocuments, ErrorKind::Internal, "a schema must be known after ",
            kMostDocuments, " documents");
      Json document = std::move(waiting_.front());
      learn(ask(document), document);
    }
    check(num_taken_ > 0, ErrorKind::Internal,
          "a document of which a schema is made must be one that is read, got: ", refusal_);
    return std::move(known_);
  }

 private:
  // Gives what is missing until nothing is.
  Recorder ask(Json& document) {
    for (int filled = 0;; ++filled) {
      Recorder recorder;
      const auto top = parse_yaml(document.dump(), source_, "");
      top->recorder = &recorder;
      try {
        read_(Reader(top));
        ++num_taken_;
        return recorder;
      } catch (const Error& error) {
        if (num_taken_ == 0) refusal_ = error.what();
      }
      const Question* last = recorder.questions.empty() ? nullptr : &recorder.questions.back();
      if (last == nullptr || !last->is_required || filled > 1000) return recorder;
      const Key key{last->map, last->key};
      const std::vector<Json> values = values_of(last->schema, nullptr);
      if (!value_at(document, key).is_null() || values.empty()) return recorder;
      document = with(std::move(document), key, values.front());
    }
  }

  void learn(const Recorder& recorder, const Json& document) {
    std::map<std::string, std::string> kinds;
    for (const Question& question : recorder.questions)
      if (question.key == kKind && question.schema.contains("enum")) {
        const Json kind = answer_of(question, document);
        if (kind.is_string()) kinds[question.map] = kind.get<std::string>();
      }
    std::map<std::string, std::set<std::string>> given;
    std::set<std::string> with_news;
    for (const Question& question : recorder.questions) {
      Map& map = known_.maps[question.map];
      if (std::ranges::find(map.keys, question.key) == map.keys.end())
        map.keys.push_back(question.key);
      Variant& variant = map.variants[kinds[question.map]];
      variant.keys.insert(question.key);
      if (question.is_required) variant.demanded.insert(question.key);
      if (question.is_required || question.form != Form::Value)
        given[question.map].insert(question.key);
      if (learn(question)) with_news.insert(question.map);
    }
    for (const Question& question : recorder.questions)
      if (question.form == Form::Value && with_news.contains(question.map))
        for (const Json& value : values_of(question.schema, answer_of(question, document)))
          add(with(document, {question.map, question.key}, value));
    for (const std::string& path : recorder.finished) {
      auto& known = known_.maps[path].variants[kinds[path]].always;
      std::set<std::string> now = given[path];
      if (known) std::erase_if(now, [&](const auto& key) { return !known->contains(key); });
      known = std::move(now);
    }
    for (const std::string& path : recorder.open) known_.maps[path].open_kinds.insert(kinds[path]);
    for (const Key& key : recorder.looks) try_forms(recorder, key, document);
  }

  // Returns whether the question was not known before.
  bool learn(const Question& question) {
    Property& property = known_.properties[{question.map, question.key}];
    const bool is_same = property.was_asked
                             ? property.has_fallback && property.fallback == question.fallback
                             : !question.fallback.is_null();
    property.has_fallback = is_same && question.form == Form::Value;
    property.fallback = question.fallback;
    property.was_asked = true;
    const std::pair form{question.form, question.schema};
    if (std::ranges::find(property.forms, form) != property.forms.end()) return false;
    property.forms.push_back(form);
    return true;
  }

  static Json answer_of(const Question& question, const Json& document) {
    const Json given = value_at(document, {question.map, question.key});
    return given.is_null() ? question.fallback : given;
  }

  // A reader that looks whether a key is there, or what it is, reads other keys then.
  void try_forms(const Recorder& recorder, const Key& key, const Json& document) {
    if (!looked_.insert(key).second) return;
    std::vector<Json> values{Json::object(), Json::array({Json::object()})};
    const bool is_asked = std::ranges::any_of(recorder.questions, [&](const Question& question) {
      return Key{question.map, question.key} == key;
    });
    if (!is_asked) values.insert(values.end(), {"text", 1, true});
    for (const Json& value : values) add(with(document, key, value));
  }

  void add(Json document) {
    if (seen_.insert(document.dump()).second) waiting_.push_back(std::move(document));
  }

  const std::function<void(const Reader&)>& read_;
  std::shared_ptr<const Source> source_ =
      std::make_shared<const Source>(Source{"schema", false, "/"});
  std::deque<Json> waiting_;
  std::set<std::string> seen_;  // of these, as text
  std::set<Key> looked_;
  Exploration known_;
  std::size_t num_taken_ = 0;
  std::string refusal_;
};

}  // namespace

bool is_within(const Json& schema, const Json& number) {
  const auto value = number.get<double>();
  return value >= schema.value("minimum", value) && value <= schema.value("maximum", value) &&
         !(schema.contains("exclusiveMinimum") && value <= schema.at("exclusiveMinimum")) &&
         !(schema.contains("exclusiveMaximum") && value >= schema.at("exclusiveMaximum"));
}

Exploration explore(const std::function<void(const Reader&)>& read, Json start) {
  return Explorer(read, std::move(start)).explore();
}

}  // namespace longspan::config
