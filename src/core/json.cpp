// JSON in and out. Stricter than the library: a key given twice is an error, not a silent choice.
#include "longspan/core/json.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/files.h"
#include "longspan/core/utf8.h"

namespace longspan {
namespace {

std::string place_of(std::string_view text, std::size_t byte, const std::string& source) {
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return concat(source, ":", line, ":", before.size() - line_start + 1);
}

// The library's text is "[json.exception...] parse error at line 1, column 2: <reason>".
std::string reason_of(const std::string& message) {
  const auto start = message.find(": ");
  return start == std::string::npos ? message : message.substr(start + 2);
}

std::string valid_text(const std::string& text) {
  return find_invalid_utf8(text) == std::string::npos ? text : escaped(text);
}

Json with_valid_texts(const Json& document) {
  if (document.is_string()) return valid_text(document.get_ref<const std::string&>());
  if (!document.is_structured()) return document;
  Json result(document.type());
  for (const auto& [key, value] : document.items()) {
    if (document.is_object())
      result[valid_text(key)] = with_valid_texts(value);
    else
      result.push_back(with_valid_texts(value));
  }
  return result;
}

// Refuses a key that its object already has, for the library's parser callback.
class UniqueKeys {
 public:
  explicit UniqueKeys(std::string source) : source_(std::move(source)) {}

  bool operator()(int, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_.emplace_back();
    if (event == Json::parse_event_t::object_end) open_.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      check(open_.back().insert(key).second, ErrorKind::Data, source_,
            ": keys of a JSON object must differ, got twice ", key);
    }
    return true;
  }

 private:
  std::string source_;
  std::vector<std::set<std::string>> open_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& source) {
  UniqueKeys unique_keys(source);
  try {
    return Json::parse(text, std::ref(unique_keys));
  } catch (const Json::parse_error& failure) {
    const std::size_t byte = failure.byte == 0 ? 0 : failure.byte - 1;
    throw Error(ErrorKind::Data, concat(place_of(text, byte, source),
                                        ": must be JSON: ", reason_of(failure.what())));
  } catch (const Json::exception& failure) {
    throw Error(ErrorKind::Data, concat(source, ": must be JSON: ", failure.what()));
  }
}

std::string json_line(const Json& document) { return with_valid_texts(document).dump() + "\n"; }

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_file(path), path.string());
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
