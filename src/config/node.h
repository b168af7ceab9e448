#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longspan::config {

struct Node;
struct Recorder;

/// Where values come from: a file, or one override of the command line.
struct Source {
  std::string name;  ///< file name, or "--set key=value"
  bool is_override = false;
  std::filesystem::path folder;  ///< absolute, without symbolic links
};

/// A place in a source; line and column start from 1.
struct Place {
  std::shared_ptr<const Source> source;
  int line = 1;
  int column = 1;
};

/// A key of a map with its value.
struct Entry {
  std::string key;
  Place key_place;
  std::shared_ptr<Node> value;
  bool asked = false;
};

/// A value that a reader gave: YAML text, the map of a section, or the maps of a list.
struct Given {
  std::string key;
  std::string yaml;
  std::shared_ptr<Node> section;
  std::vector<std::shared_ptr<Node>> sections = {};
};

/// A YAML value: null, scalar, list or map. A map also carries what its readers asked for.
struct Node {
  enum class Kind { Null, Scalar, List, Map };

  Kind kind = Kind::Null;
  Place place;
  std::string path;            ///< dotted path from the top; empty for the top map
  std::string text;            ///< Scalar: its content
  bool quoted = false;         ///< Scalar: quoted or a block, so a text whatever it looks like
  std::vector<Entry> entries;  ///< Map
  std::vector<std::shared_ptr<Node>> items;  ///< List

  std::vector<std::string> asked;  ///< Map: every key asked for, there or not, in order
  std::vector<Given> given;        ///< Map: every value given, in order
  std::map<std::string, std::shared_ptr<Node>, std::less<>> absent_sections;
  Recorder* recorder = nullptr;  ///< Map: is told what readers ask, where a schema is made of it

  /// Returns the entry of a key, or nullptr.
  Entry* find(std::string_view key);
};

/// Returns the dotted path of a key of the map at `path`.
std::string child_path(std::string_view path, std::string_view key);
/// Returns "file:line:column", or the override's text.
std::string to_text(const Place& place);
/// Returns what a value is, to end an error with: `a map`, `nothing (null)`, `the text "7"`, `7`.
std::string describe(const Node& node);

}  // namespace longspan::config
