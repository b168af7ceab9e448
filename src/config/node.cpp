// The tree that a document is read into.
#include "config/node.h"

#include "config/scalar.h"
#include "longspan/core/error.h"

namespace longspan::config {
namespace {

constexpr std::size_t kShownBytes = 80;

std::string shortened(const std::string& text) {
  if (text.size() <= kShownBytes) return text;
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // inside UTF-8
  return text.substr(0, end) + "...";
}

}  // namespace

Entry* Node::find(std::string_view key) {
  for (Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string child_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : concat(path, ".", key);
}

std::string to_text(const Place& place) {
  if (place.source->is_override) return place.source->name;
  return concat(place.source->name, ":", place.line, ":", place.column);
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      return "nothing (null)";
    case Node::Kind::Map:
      return "a map";
    case Node::Kind::List:
      return "a list";
    case Node::Kind::Scalar:
      return node.quoted ? "the text " + quote(shortened(node.text)) : shortened(node.text);
  }
  unreachable();
}

}  // namespace longspan::config
