// Turns nodes into values, or says what was wanted and what is there.
#include "config/values.h"

#include <algorithm>
#include <optional>

#include "config/scalar.h"
#include "longspan/config/nearest.h"
#include "longspan/core/error.h"

namespace longspan::config {
namespace fs = std::filesystem;
namespace {

std::string with_range(const char* kind, const std::string& range) {
  return range.empty() ? kind : concat(kind, " ", range);
}

template <class Convert>
std::vector<std::string> to_list(const Node& value, const char* what, Convert convert) {
  if (value.kind == Node::Kind::Scalar) return {convert(value)};
  if (value.kind != Node::Kind::List) refuse_value(value, what);
  std::vector<std::string> texts;
  for (const auto& item : value.items) texts.push_back(convert(*item));
  return texts;
}

}  // namespace

void refuse_value(const Node& value, const std::string& what) {
  throw Error(ErrorKind::Config, concat(to_text(value.place), ": ", value.path, " must be ", what,
                                        ", got ", describe(value)));
}

std::int64_t to_integer(const Node& value, const IntegerRange& range,
                        const std::int64_t* fallback) {
  const bool plain = value.kind == Node::Kind::Scalar && !value.quoted;
  if (!plain || !is_integer_form(value.text)) {
    refuse_value(value, with_range("a decimal integer", to_text(range)));
  }
  const std::optional<std::int64_t> integer = parse_integer(value.text);
  if (integer && fallback != nullptr && *integer == *fallback) return *integer;
  if (!integer) refuse_value(value, "a decimal integer of at most 64 bits");
  if (!holds(range, *integer)) refuse_value(value, to_text(range));
  return *integer;
}

std::optional<std::int64_t> to_integer_or(const Node& value, std::string_view word,
                                          const IntegerRange& range, const std::int64_t* fallback) {
  if (value.kind == Node::Kind::Scalar && value.text == word) return std::nullopt;
  const bool integer =
      value.kind == Node::Kind::Scalar && !value.quoted && is_integer_form(value.text);
  if (!integer)
    refuse_value(value, with_range(concat(word, " or a decimal integer").c_str(), to_text(range)));
  return to_integer(value, range, fallback);
}

double to_number(const Node& value, const NumberRange& range, const double* fallback) {
  const bool plain = value.kind == Node::Kind::Scalar && !value.quoted;
  const std::optional<double> number = plain ? parse_number(value.text) : std::nullopt;
  if (!number) refuse_value(value, with_range("a finite decimal number", to_text(range)));
  if (fallback != nullptr && *number == *fallback) return *number;
  if (!holds(range, *number)) refuse_value(value, to_text(range));
  return *number;
}

bool to_boolean(const Node& value) {
  const bool plain = value.kind == Node::Kind::Scalar && !value.quoted;
  const bool known = value.text == "true" || value.text == "false";
  if (!plain || !known) refuse_value(value, "true or false");
  return value.text == "true";
}

std::string to_word(const Node& value) {
  if (value.kind != Node::Kind::Scalar) refuse_value(value, "a text");
  return value.text;
}

std::string to_choice(const Node& value, const std::vector<std::string>& names,
                      const std::string* fallback) {
  const bool scalar = value.kind == Node::Kind::Scalar;
  if (scalar && fallback != nullptr && value.text == *fallback) return value.text;
  if (scalar && std::find(names.begin(), names.end(), value.text) != names.end()) return value.text;
  const std::string near = scalar ? nearest(value.text, names) : "";
  const bool hint = !near.empty() && is_near(value.text, near);
  throw Error(ErrorKind::Config,
              concat(to_text(value.place), ": ", value.path, " must be one of ", join(names),
                     ", got ", describe(value), hint ? "; did you mean " + near + "?" : ""));
}

std::vector<std::int64_t> to_integers(const Node& value, const IntegerRange& range) {
  if (value.kind != Node::Kind::List) refuse_value(value, "a list of integers");
  std::vector<std::int64_t> integers;
  for (const auto& item : value.items) integers.push_back(to_integer(*item, range, nullptr));
  return integers;
}

// The folder has no symbolic links, so a leading ".." is its parent. A later ".." stays as it is.
std::string absolute_path(const fs::path& path, fs::path folder) {
  if (path.is_absolute()) return path.string();
  auto part = path.begin();
  for (; part != path.end() && (*part == "." || *part == ".."); ++part) {
    if (*part == "..") folder = folder.parent_path();
  }
  for (; part != path.end(); ++part) folder /= *part;
  return folder.string();
}

std::string to_path(const Node& value, const std::string* fallback) {
  if (value.kind != Node::Kind::Scalar) refuse_value(value, "a path");
  if (value.text.empty() && fallback != nullptr && fallback->empty()) return {};
  if (value.text.empty()) refuse_value(value, "a path");
  return absolute_path(value.text, value.place.source->folder);
}

std::vector<std::string> to_words(const Node& value) {
  return to_list(value, "a text or a list of texts", to_word);
}

std::vector<std::string> to_paths(const Node& value) {
  return to_list(value, "a path or a list of paths",
                 [](const Node& item) { return to_path(item, nullptr); });
}

}  // namespace longspan::config
