// Overrides of the command line. An override's nodes have the override itself as their place, so
// that an error about them points there and not into the file.
#include "config/overrides.h"

#include <utility>

#include "config/parse.h"
#include "longspan/core/error.h"

namespace longspan::config {
namespace {

std::string in_one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

std::vector<std::string> split_key(const std::string& key, const Place& place) {
  std::vector<std::string> parts(1);
  for (const char c : key) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (const std::string& part : parts) {
    check(!part.empty(), ErrorKind::Config, to_text(place),
          ": must name a key as in model.num_layers=4, got ", key.empty() ? "none" : key);
  }
  return parts;
}

Entry& entry_of(Node& map, const std::string& key, const Place& place) {
  Entry* entry = map.find(key);
  if (entry == nullptr) {
    map.entries.push_back({key, place, nullptr});
    entry = &map.entries.back();
  }
  return *entry;
}

Node& map_in(Node& parent, const std::string& key, const Place& place) {
  Entry& entry = entry_of(parent, key, place);
  if (entry.value && entry.value->kind == Node::Kind::Map) return *entry.value;
  check(!entry.value || entry.value->kind != Node::Kind::List, ErrorKind::Config, to_text(place),
        ": ", child_path(parent.path, key), " is a list; set the whole list");
  entry.key_place = place;
  entry.value = std::make_shared<Node>();
  entry.value->kind = Node::Kind::Map;
  entry.value->place = place;
  entry.value->path = child_path(parent.path, key);
  return *entry.value;
}

// What the user typed, and "dotted.key=value".
std::pair<std::string, std::string> name_and_text(const std::string& given) {
  const std::size_t space = given.find(' ');
  if (!given.starts_with("--") || space == std::string::npos) return {"--set " + given, given};
  return {given, concat(given.substr(2, space - 2), ".", given.substr(space + 1))};
}

}  // namespace

void apply_override(Node& top, const std::string& given, const std::filesystem::path& folder) {
  const auto [name, text] = name_and_text(given);
  const auto source = std::make_shared<const Source>(Source{in_one_line(name), true, folder});
  const Place place{source};
  const auto equals = text.find('=');
  check(equals != std::string::npos, ErrorKind::Config, to_text(place), ": must be KEY=VALUE");
  const std::string path = text.substr(0, equals);
  check(path.size() <= kMaxPathBytes, ErrorKind::Config, to_text(place),
        ": must name a key of at most ", kMaxPathBytes, " bytes, got ", path.size());
  std::vector<std::string> keys = split_key(path, place);
  const std::string last = std::move(keys.back());
  keys.pop_back();

  std::shared_ptr<Node> value = parse_yaml(text.substr(equals + 1), source, path);
  check(value->kind != Node::Kind::Null, ErrorKind::Config, to_text(place),
        ": must give a value, got nothing (null)");
  Node* map = &top;
  for (const std::string& key : keys) map = &map_in(*map, key, place);
  Entry& entry = entry_of(*map, last, place);
  entry.key_place = place;
  entry.value = std::move(value);
}

}  // namespace longspan::config
