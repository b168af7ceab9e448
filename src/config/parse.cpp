// Builds our tree from yaml-cpp's events. The library's own tree is not used: it keeps duplicate
// keys silently, follows aliases into cycles and forgets which scalars were quoted.
#include "config/parse.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>

#include "longspan/core/error.h"

namespace longspan::config {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxKeys = 4096;  // of a map: each new key is looked for among them
constexpr char kNoAliases[] =
    "aliases are not supported: write the value out, or quote a text that begins with *";

[[noreturn]] void refuse(const Place& place, const std::string& what) {
  throw Error(ErrorKind::Config, concat(to_text(place), ": ", what));
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const Source> source, std::string path)
      : source_(std::move(source)), path_(std::move(path)) {}

  std::shared_ptr<Node> take() { return std::move(top_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (awaits_key()) refuse(place_of(mark), "a key must be a text, got nothing (null)");
    const auto node = add(Node::Kind::Null, mark, {}, anchor);
    // The mark of a value that is left out is that of whatever comes next.
    const bool in_map = !open_.empty() && open_.back().node->kind == Node::Kind::Map;
    if (!in_map) return;
    const Place& key = open_.back().node->entries.back().key_place;
    if (key.line != node->place.line) node->place = key;
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(place_of(mark), kNoAliases);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (awaits_key()) {
      begin_entry(mark, tag, anchor, value);
      return;
    }
    const auto node = add(Node::Kind::Scalar, mark, tag, anchor);
    node->text = value;
    node->quoted = tag == "!";
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<Node> node;
    bool has_key = false;
  };

  Place place_of(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  bool awaits_key() const {
    return !open_.empty() && open_.back().node->kind == Node::Kind::Map && !open_.back().has_key;
  }

  void refuse_extras(const Place& place, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor) {
      refuse(place, "anchors are not supported: quote a text that begins with &");
    }
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(place, concat("tags are not supported, got ", tag));
  }

  void begin_entry(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                   const std::string& key) {
    const Place place = place_of(mark);
    refuse_extras(place, tag, anchor);
    Node& map = *open_.back().node;
    const std::string path = child_path(map.path, key);
    if (key == "<<") refuse(place, concat(path, ": merge keys are not supported"));
    if (const Entry* first = map.find(key)) {
      refuse(place, concat(path, " is given twice, first in line ", first->key_place.line));
    }
    if (map.entries.size() == kMaxKeys)
      refuse(place, concat("a map must have at most ", kMaxKeys, " keys, it has more"));
    map.entries.push_back({key, place, nullptr});
    open_.back().has_key = true;
  }

  std::string next_path() const {
    if (open_.empty()) return path_;
    const Node& parent = *open_.back().node;
    if (parent.kind == Node::Kind::List) return concat(parent.path, "[", parent.items.size(), "]");
    return child_path(parent.path, parent.entries.back().key);
  }

  std::shared_ptr<Node> add(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
                            YAML::anchor_t anchor) {
    const Place place = place_of(mark);
    refuse_extras(place, tag, anchor);
    // The parser also takes an unclosed bracket for the start of a key.
    if (awaits_key()) {
      refuse(place, "a key must be a text, got a list or a map (or a bracket is not closed)");
    }
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->place = place;
    node->path = next_path();
    if (node->path.size() > kMaxPathBytes)
      refuse(place, concat("the path of a key must have at most ", kMaxPathBytes, " bytes, got ",
                           node->path.size(), "; nest less or shorten the keys"));
    if (open_.empty()) {
      top_ = node;
    } else if (Open& parent = open_.back(); parent.node->kind == Node::Kind::List) {
      parent.node->items.push_back(node);
    } else {
      parent.node->entries.back().value = node;
      parent.has_key = false;
    }
    return node;
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    open_.push_back({add(kind, mark, tag, anchor)});
  }
  void close() { open_.pop_back(); }

  std::shared_ptr<const Source> source_;
  std::string path_;
  std::shared_ptr<Node> top_;
  std::vector<Open> open_;
};

// Returns the bytes of the UTF-8 character that text begins with; 0 when it is none (overlong
// forms, surrogates and values past U+10FFFF included) or a control character that YAML forbids.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  const bool control =
      (first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7F;
  if (first < 0x80) return control ? 0 : 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if ((first & 0xF0) == 0xE0) {
    const bool bad = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F);
    return !bad && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool bad = (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
    return !bad && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// Refuses what the parser would pass on or explain badly: bytes that are no text, tabs that indent.
void check_characters(std::string_view text, const std::shared_ptr<const Source>& source) {
  Place place{source};
  bool indents = true;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    const char c = text.front();
    if (bytes == 0) {
      constexpr char kDigits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      refuse(place, concat("must be UTF-8 text without control characters, got byte 0x",
                           kDigits[byte >> 4], kDigits[byte & 15]));
    }
    if (indents && c == '\t') refuse(place, "must be indented by spaces, got a tab");
    indents = c == '\n' || (indents && c == ' ');
    place.column = c == '\n' ? 1 : place.column + 1;
    place.line += c == '\n' ? 1 : 0;
    text.remove_prefix(bytes);
  }
}

[[noreturn]] void refuse_syntax(const YAML::Exception& failure, std::string_view text,
                                const std::shared_ptr<const Source>& source) {
  if (failure.mark.is_null()) refuse(Place{source}, concat("must be YAML: ", failure.msg));
  const Place place{source, failure.mark.line + 1, failure.mark.column + 1};
  const auto offset = static_cast<std::size_t>(failure.mark.pos);
  if (offset < text.size() && text[offset] == '*') refuse(place, kNoAliases);
  refuse(place, concat("must be YAML: ", failure.msg));
}

std::shared_ptr<Node> parse_document(YAML::Parser& parser,
                                     const std::shared_ptr<const Source>& source,
                                     const std::string& path) {
  TreeBuilder builder(source, path);
  if (!parser.HandleNextDocument(builder)) return nullptr;
  return builder.take();
}

}  // namespace

std::shared_ptr<Node> parse_yaml(std::string_view text, std::shared_ptr<const Source> source,
                                 const std::string& path) {
  if (text.size() > kMaxBytes)
    refuse(Place{source}, concat("must have at most ", kMaxBytes, " bytes, it has ", text.size()));
  check_characters(text, source);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    std::shared_ptr<Node> top = parse_document(parser, source, path);
    if (const auto extra = parse_document(parser, source, path)) {
      refuse(extra->place,
             "does not belong to the value above: check its indentation, and that the text holds "
             "one YAML document");
    }
    if (!top) {
      top = std::make_shared<Node>();
      top->place = Place{source};
      top->path = path;
    }
    return top;
  } catch (const YAML::DeepRecursion&) {
    refuse(Place{source}, "must not be nested so deeply");
  } catch (const YAML::Exception& failure) {
    refuse_syntax(failure, text, source);
  }
}

}  // namespace longspan::config
