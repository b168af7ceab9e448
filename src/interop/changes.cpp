// What a model's configuration is held against before the model goes out.

#include "interop/changes.h"

#include <algorithm>
#include <utility>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

// The section that a dotted path leads to, and the key in it.
std::pair<config::Reader, std::string_view> place_of(config::Reader section,
                                                     std::string_view path) {
  for (;;) {
    const std::size_t dot = path.find('.');
    if (dot == std::string_view::npos) return {section, path};
    section = section.section(path.substr(0, dot));
    path.remove_prefix(dot + 1);
  }
}

// The value of a key, read as what it must be.
Json value_of(const config::Reader& section, std::string_view key, const Json& like) {
  if (like.is_boolean()) return section.boolean(key);
  if (like.is_number_integer()) return section.integer(key, {});
  if (like.is_number()) return section.number(key, {});
  return section.text(key);
}

std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

void Changes::demand(std::string_view key, std::initializer_list<Json> values) {
  const auto [section, name] = place_of(root_, key);
  if (!section.has(name)) return;
  const Json& first = *values.begin();
  const Json found = value_of(section, name, first);
  if (std::ranges::find(values, found) == values.end())
    notes_.push_back(concat(key, " = ", shown(first)));
}

void Changes::demand_plain_heads() {
  const std::int64_t head_dim = integer("model.head_dim");
  if (head_dim * integer("model.num_heads") != integer("model.d_model"))
    demand("model.head_dim", {0});
}

bool Changes::boolean(std::string_view key) const {
  const auto [section, name] = place_of(root_, key);
  return section.boolean(name);
}

std::int64_t Changes::integer(std::string_view key) const {
  const auto [section, name] = place_of(root_, key);
  return section.integer(name, {});
}

}  // namespace longspan::interop
