// JSON in and out. Stricter than the library: a key given twice is an error, not a silent choice.
#include "longspan/core/json.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/json_reason.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/files.h"
#include "longspan/core/utf8.h"

namespace longspan {
namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1} << 28;

std::string place_of(std::string_view text, std::size_t byte, const std::string& source) {
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return concat(source, ":", line, ":", before.size() - line_start + 1);
}

std::string valid_text(const std::string& text) {
  return find_invalid_utf8(text) == std::string::npos ? text : escaped(text);
}

// The members in their order; unlike the object itself, they are not searched when one is added.
Json::object_t::Container& members_of(Json& object) { return object.get_ref<Json::object_t&>(); }

Json with_valid_texts(const Json& document) {
  if (document.is_string()) return valid_text(document.get_ref<const std::string&>());
  if (!document.is_structured()) return document;
  Json result(document.type());
  for (const auto& [key, value] : document.items()) {
    if (document.is_object())
      members_of(result).emplace_back(valid_text(key), with_valid_texts(value));
    else
      result.push_back(with_valid_texts(value));
  }
  return result;
}

// Builds the tree. The library's own builder looks through the whole object at each key, and
// through the whole list at each object in it: minutes for some megabytes that others wrote.
class TreeBuilder final : public Json::json_sax_t {
 public:
  TreeBuilder(std::string_view text, std::string source)
      : text_(text), source_(std::move(source)) {}

  Json take() { return std::move(top_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& value) override { return add(std::move(value)); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }

  bool key(string_t& key) override {
    check(open_.back().keys.insert(key).second, ErrorKind::Data, source_,
          ": keys of a JSON object must differ, got twice ", key);
    members_of(*open_.back().value).emplace_back(std::move(key), nullptr);
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&,
                   const nlohmann::detail::exception& failure) override {
    const std::string place = dynamic_cast<const Json::parse_error*>(&failure) == nullptr
                                  ? source_
                                  : place_of(text_, byte == 0 ? 0 : byte - 1, source_);
    throw Error(ErrorKind::Data, concat(place, ": must be JSON: ", reason_of(failure.what())));
  }

 private:
  struct Open {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  // Values are compared, copied and printed by recursion, so a tree that is too deep must not be.
  bool open(Json value) {
    check(open_.size() < kMaxDepth, ErrorKind::Data, source_, ": JSON must nest at most ",
          kMaxDepth, " deep, it is deeper");
    add(std::move(value));
    open_.push_back({last_, {}});
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool add(Json value) {
    if (open_.empty()) {
      top_ = std::move(value);
      last_ = &top_;
    } else if (open_.back().value->is_array()) {
      auto& elements = open_.back().value->get_ref<Json::array_t&>();
      elements.push_back(std::move(value));
      last_ = &elements.back();
    } else {
      last_ = &members_of(*open_.back().value).back().second;
      *last_ = std::move(value);
    }
    return true;
  }
  std::string_view text_;
  std::string source_;
  Json top_;
  Json* last_ = nullptr;
  std::vector<Open> open_;  // what is open stays where it is: only the innermost grows
};

}  // namespace

// The library's text is "[json.exception...] parse error at line 1, column 2: <reason>".
std::string reason_of(const std::string& message) {
  const auto start = message.find(": ");
  return start == std::string::npos ? message : message.substr(start + 2);
}

Json parse_json(std::string_view text, const std::string& source) {
  TreeBuilder builder(text, source);
  Json::sax_parse(text, &builder);
  return builder.take();
}

std::string json_line(const Json& document) { return with_valid_texts(document).dump() + "\n"; }

std::string read_json_text(const std::filesystem::path& path) {
  std::error_code unknown;  // then reading says why
  const std::uintmax_t bytes = std::filesystem::file_size(path, unknown);
  check(unknown || bytes <= kMaxFileBytes, ErrorKind::Data, path.string(),
        ": a JSON file must have at most ", kMaxFileBytes, " bytes, it has ", bytes);
  return read_file(path);
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_json_text(path), path.string());
}

void write_json(const std::filesystem::path& path, const Json& document) {
  std::string text;
  try {
    text = document.dump(2);
  } catch (const Json::exception& failure) {
    throw Error(ErrorKind::Data,
                concat(path.string(), ": cannot be written as JSON: ", failure.what()));
  }
  write_file_durably(path, text + "\n");
}

}  // namespace longspan
