// Typed reading of JSON that others wrote. Nothing here may end in an exception of the library.

#include "longspan/core/json_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::size_t kMaxShown = 80;

// Cuts between the characters of UTF-8.
std::string shortened(const std::string& text) {
  if (text.size() <= kMaxShown) return text;
  std::size_t end = kMaxShown;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

// One short line, whatever the file holds; nested values would be printed by recursion.
std::string shown(const Json* value) {
  if (value == nullptr) return "nothing";
  if (value->is_array()) return "a list";
  if (value->is_object()) return "an object";
  return shortened(value->dump());
}

// A key without its quotation marks; what does not print is escaped.
std::string shown_key(const std::string& key) {
  const std::string quoted = Json(key).dump();
  return shortened(quoted.substr(1, quoted.size() - 2));
}

bool is_within(const Json& value, JsonIntegerRange range) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > kMax) return false;
  if (!value.is_number_integer()) return false;
  const auto number = value.get<std::int64_t>();
  return number >= range.low && number <= range.high;
}

}  // namespace

JsonReader::JsonReader(Json document, std::string source)
    : JsonReader(std::make_shared<const Json>(std::move(document)), std::move(source), "",
                 std::make_shared<std::set<std::string>>()) {}

JsonReader::JsonReader(std::shared_ptr<const Json> object, std::string source, std::string prefix,
                       std::shared_ptr<std::set<std::string>> asked)
    : object_(std::move(object)),
      source_(std::move(source)),
      prefix_(std::move(prefix)),
      asked_(std::move(asked)) {
  check(object_->is_object(), ErrorKind::Data, source_, ": must be an object, got ",
        shown(object_.get()));
}

std::string JsonReader::path_of(const std::string& key) const { return prefix_ + shown_key(key); }

const Json* JsonReader::find(const std::string& key) const {
  asked_->insert(path_of(key));
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool JsonReader::holds(const std::string& key, const Json& value) const {
  const Json* found = find(key);
  return found != nullptr && *found == value;
}

bool JsonReader::is_object(const std::string& key) const {
  const Json* found = find(key);
  return found != nullptr && found->is_object();
}

void JsonReader::require(const std::string& key) const {
  check(has(key), ErrorKind::Data, source_, ": ", path_of(key), " must be given");
}

void JsonReader::refuse(const std::string& key, const std::string& what,
                        const std::string& remedy) const {
  throw Error(ErrorKind::Data, concat(source_, ": ", path_of(key), " must be ", what, ", got ",
                                      shown(find(key)), remedy));
}

std::int64_t JsonReader::integer(const std::string& key, JsonIntegerRange range,
                                 std::optional<std::int64_t> fallback) const {
  const Json* found = find(key);
  if (found == nullptr && fallback) return *fallback;
  require(key);
  if (!is_within(*found, range))
    refuse(key, concat("an integer from ", range.low, " to ", range.high));
  return found->get<std::int64_t>();
}

double JsonReader::number(const std::string& key, std::optional<double> fallback) const {
  const Json* found = find(key);
  if (found == nullptr && fallback) return *fallback;
  require(key);
  if (!found->is_number()) refuse(key, "a number");
  return found->get<double>();
}

bool JsonReader::boolean(const std::string& key, std::optional<bool> fallback) const {
  const Json* found = find(key);
  if (found == nullptr && fallback) return *fallback;
  require(key);
  if (!found->is_boolean()) refuse(key, "true or false");
  return found->get<bool>();
}

std::string JsonReader::text(const std::string& key,
                             const std::optional<std::string>& fallback) const {
  const Json* found = find(key);
  if (found == nullptr && fallback) return *fallback;
  require(key);
  if (!found->is_string()) refuse(key, "a text");
  return found->get<std::string>();
}

std::vector<double> JsonReader::numbers(const std::string& key) const {
  const Json* found = find(key);
  if (found == nullptr) return {};
  const auto is_number = [](const Json& value) { return value.is_number(); };
  if (!found->is_array() || !std::ranges::all_of(*found, is_number))
    refuse(key, "a list of numbers");
  return found->get<std::vector<double>>();
}

JsonReader JsonReader::section(const std::string& key) const {
  const Json* found = find(key);
  if (found != nullptr && !found->is_object()) refuse(key, "an object");
  auto object = found == nullptr ? std::make_shared<const Json>(Json::object())
                                 : std::shared_ptr<const Json>(object_, found);
  return {std::move(object), source_, path_of(key) + ".", asked_};
}

std::vector<std::string> JsonReader::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object_->items()) keys.push_back(key);
  return keys;
}

std::vector<std::string> JsonReader::texts() const {
  std::vector<std::string> texts;
  for (const auto& [key, value] : object_->items()) {
    if (!value.is_string()) {
      require(key);
      refuse(key, "a text");
    }
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

std::vector<std::string> JsonReader::unread() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object_->items())
    if (!value.is_null() && !asked_->contains(path_of(key))) keys.push_back(key);
  return keys;
}

}  // namespace longspan
