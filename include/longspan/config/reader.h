#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longspan::config {

/// Bounds of an integer, both included.
struct IntegerRange {
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
};
/// Bounds of a number, both included; `above` and `below` exclude. Only finite numbers are ever
/// taken.
struct NumberRange {
  double low = std::numeric_limits<double>::lowest();
  double high = std::numeric_limits<double>::max();
  std::optional<double> above = std::nullopt;
  std::optional<double> below = std::nullopt;
};

struct Node;

/// Reads one map of a YAML document strictly. Every key must be asked for; finish() throws for
/// those that were not. A getter without a fallback throws when the key is missing. Each value
/// given, fallbacks included, is recorded for Document::resolved(). All errors are Error(Config)
/// with file:line:column and the key's full path; for an overridden key "--set key=value" stands
/// for the place. A value equal to the fallback is taken even when it is out of range, so that what
/// resolved() printed can be read again.
class Reader {
 public:
  explicit Reader(std::shared_ptr<Node> node);

  /// Returns whether the key is there; does not count as asking for it.
  bool has(std::string_view key) const;
  /// Returns whether the value of a key, or "key[0]", is a map ("map"), a list ("list") or a scalar
  /// ("scalar"); "" when absent.
  std::string_view shape(std::string_view key) const;

  /// Returns the keys of the map in file order; does not count as asking for them.
  std::vector<std::string> keys() const;

  /// Decimal digits with an optional sign only: no leading zero, fraction or exponent.
  std::int64_t integer(std::string_view key, IntegerRange range) const;
  std::int64_t integer(std::string_view key, IntegerRange range, std::int64_t fallback) const;
  /// An integer, or `word` ("auto", say), which reads as nothing; so does a fallback of nothing.
  std::optional<std::int64_t> integer_or(std::string_view key, std::string_view word,
                                         IntegerRange range,
                                         std::optional<std::int64_t> fallback) const;
  double number(std::string_view key, NumberRange range) const;
  double number(std::string_view key, NumberRange range, double fallback) const;
  bool boolean(std::string_view key) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::string text(std::string_view key) const;
  std::string text(std::string_view key, const std::string& fallback) const;
  /// Returns one of names; the error lists them and the nearest.
  std::string choice(std::string_view key, const std::vector<std::string>& names) const;
  std::string choice(std::string_view key, const std::vector<std::string>& names,
                     const std::string& fallback) const;
  std::vector<std::int64_t> integers(std::string_view key, IntegerRange range) const;
  std::vector<std::int64_t> integers(std::string_view key, IntegerRange range,
                                     const std::vector<std::int64_t>& fallback) const;
  /// A list of texts, or one text as a list of one.
  std::vector<std::string> texts(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key,
                                 const std::vector<std::string>& fallback) const;

  /// A file path; a relative one starts from folder(). Returned and recorded absolute. An empty one
  /// is refused, unless the fallback is empty.
  std::string path(std::string_view key) const;
  std::string path(std::string_view key, const std::string& fallback) const;
  /// A list of paths, or one path as a list of one.
  std::vector<std::string> paths(std::string_view key) const;

  /// Returns the reader of a nested map, or of a list's by "key[0]". A missing map reads as an
  /// empty one, so that its fallbacks hold.
  Reader section(std::string_view key) const;

  /// Throws for the first key that nobody asked for, with the nearest key that was.
  void finish() const;

  /// Returns "file:line:column: path.of.key" of a key (or of the map itself), to begin an error of
  /// the caller's own check with.
  std::string place(std::string_view key = {}) const;
  /// Returns the folder of the config file, which relative paths in it start from.
  std::filesystem::path folder() const;

 private:
  std::shared_ptr<Node> node_;
};

/// A parsed YAML file with the overrides of the command line.
class Document {
 public:
  /// Parses a file. @param overrides "dotted.key=YAML value" each, as users give to --set, or
  /// "--section key=YAML value", as to an option that is called like a section; errors tell of the
  /// option @param overrides_folder what relative paths in overrides start from; empty: the file's
  /// folder, as those in the file
  /// @throws Error(Config) for syntax, duplicate keys, bad overrides; Error(Io) when it cannot be
  /// read
  static Document from_file(const std::filesystem::path& path,
                            const std::vector<std::string>& overrides = {},
                            const std::filesystem::path& overrides_folder = {});
  /// Parses text. @param name stands for the file in errors @param folder what relative paths start
  /// from
  static Document from_text(std::string_view text, const std::string& name,
                            const std::filesystem::path& folder = ".",
                            const std::vector<std::string>& overrides = {},
                            const std::filesystem::path& overrides_folder = {});

  /// Returns the reader of the top map.
  Reader root() const;
  /// Returns the YAML text of every value that readers gave so far, fallbacks included, in the
  /// order of asking. Reading it again gives the same values.
  std::string resolved() const;
  /// Returns the keys of the map at a dotted path in file order (for sweep grids, whose keys are
  /// free).
  std::vector<std::string> keys(std::string_view path) const;
  /// Returns the elements of the list at the map `path` under `key` as YAML flow text, for use in
  /// overrides.
  std::vector<std::string> list_elements(std::string_view path, std::string_view key) const;

 private:
  explicit Document(std::shared_ptr<Node> root);
  std::shared_ptr<Node> root_;
};

}  // namespace longspan::config
