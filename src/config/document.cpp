// A configuration file as a whole: where it starts, what was overridden, and what was read from it.
#include <algorithm>
#include <system_error>
#include <utility>

#include "config/node.h"
#include "config/overrides.h"
#include "config/parse.h"
#include "config/scalar.h"
#include "longspan/config/reader.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan::config {
namespace fs = std::filesystem;
namespace {

// Without symbolic links, so that "../" in a path can be resolved by dropping a name.
fs::path real_folder(const fs::path& folder) {
  std::error_code failure;
  fs::path real = fs::weakly_canonical(fs::absolute(folder, failure), failure);
  check(!failure, ErrorKind::Io, folder.string(), ": cannot resolve: ", failure.message());
  return real.has_filename() ? real : real.parent_path();
}

void append_given(std::string& text, const Node& map, const std::string& indent) {
  for (const Given& given : map.given) {
    text += concat(indent, to_yaml(std::string_view(given.key)), ":");
    if (!given.sections.empty()) {
      text += "\n";
      for (const auto& section : given.sections) {
        text += section->given.empty() ? indent + "  - {}\n" : indent + "  -\n";
        append_given(text, *section, indent + "    ");
      }
    } else if (!given.section) {
      text += concat(" ", given.yaml, "\n");
    } else if (given.section->given.empty()) {
      text += " {}\n";
    } else {
      text += "\n";
      append_given(text, *given.section, indent + "  ");
    }
  }
}

Node& map_at(Node& top, std::string_view path) {
  Node* map = &top;
  while (!path.empty()) {
    const std::string_view key = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(key.size() + 1, path.size()));
    const Entry* entry = map->find(key);
    check(entry != nullptr, ErrorKind::Config, to_text(map->place), ": ",
          child_path(map->path, key), " must be given");
    const Node& value = *entry->value;
    check(value.kind == Node::Kind::Map, ErrorKind::Config, to_text(value.place), ": ", value.path,
          " must be a map, got ", describe(value));
    map = entry->value.get();
  }
  return *map;
}

}  // namespace

Document::Document(std::shared_ptr<Node> root) : root_(std::move(root)) {}

Document Document::from_file(const fs::path& path, const std::vector<std::string>& overrides,
                             const fs::path& overrides_folder) {
  return from_text(read_file(path), path.string(), path.parent_path(), overrides, overrides_folder);
}

Document Document::from_text(std::string_view text, const std::string& name, const fs::path& folder,
                             const std::vector<std::string>& overrides,
                             const fs::path& overrides_folder) {
  const fs::path real = real_folder(folder.empty() ? fs::path(".") : folder);
  const std::shared_ptr<Node> top =
      parse_yaml(text, std::make_shared<const Source>(Source{name, false, real}), "");
  check(top->kind != Node::Kind::Null, ErrorKind::Config, to_text(top->place),
        ": must hold a map of keys, got an empty file");
  check(top->kind == Node::Kind::Map, ErrorKind::Config, to_text(top->place),
        ": must hold a map of keys, got ", describe(*top));
  const fs::path from = overrides_folder.empty() ? real : real_folder(overrides_folder);
  for (const std::string& override_text : overrides) apply_override(*top, override_text, from);
  return Document(top);
}

Reader Document::root() const { return Reader(root_); }

std::string Document::resolved() const {
  std::string text;
  append_given(text, *root_, "");
  return text.empty() ? "{}\n" : text;
}

std::vector<std::string> Document::keys(std::string_view path) const {
  std::vector<std::string> keys;
  for (const Entry& entry : map_at(*root_, path).entries) keys.push_back(entry.key);
  return keys;
}

std::vector<std::string> Document::list_elements(std::string_view path,
                                                 std::string_view key) const {
  Node& map = map_at(*root_, path);
  Entry* entry = map.find(key);
  check(entry != nullptr, ErrorKind::Config, to_text(map.place), ": ", child_path(map.path, key),
        " must be given");
  const Node& list = *entry->value;
  check(list.kind == Node::Kind::List, ErrorKind::Config, to_text(list.place), ": ", list.path,
        " must be a list, got ", describe(list));
  entry->asked = true;
  std::vector<std::string> elements;
  for (const auto& item : list.items) elements.push_back(to_flow(*item));
  return elements;
}

}  // namespace longspan::config
