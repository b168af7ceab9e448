#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "longspan/core/json.h"

namespace longspan {

/// Bounds of an integer, both included.
struct JsonIntegerRange {
  std::int64_t low, high;
};

/// Reads the values of one JSON object, each as the type that it must have. Null is as good as
/// absent. A getter without a fallback throws for an absent key. All errors are Error(Data) and
/// name the source, the key's full path, what must stand there and what does.
class JsonReader {
 public:
  /// @param source names the file in errors  @throws Error(Data) when the document is no object
  JsonReader(Json document, std::string source);

  bool has(const std::string& key) const { return find(key) != nullptr; }
  bool is_object(const std::string& key) const;
  /// Returns whether the key is there with this value; numbers are compared as numbers.
  bool holds(const std::string& key, const Json& value) const;
  std::int64_t integer(const std::string& key, JsonIntegerRange range,
                       std::optional<std::int64_t> fallback = std::nullopt) const;
  double number(const std::string& key, std::optional<double> fallback = std::nullopt) const;
  bool boolean(const std::string& key, std::optional<bool> fallback = std::nullopt) const;
  std::string text(const std::string& key,
                   const std::optional<std::string>& fallback = std::nullopt) const;
  /// Returns a list of numbers; an empty one when the key is absent.
  std::vector<double> numbers(const std::string& key) const;
  /// Returns a reader of the object under a key; of an empty one when the key is absent.
  JsonReader section(const std::string& key) const;
  /// Returns the keys of the object in their order, those with null too.
  std::vector<std::string> keys() const;
  /// Returns the values of the object, each of which must be a text, in the order of keys().
  std::vector<std::string> texts() const;

  /// Returns the keys that have a value which no other function of this reader was asked for.
  std::vector<std::string> unread() const;
  /// Returns the full paths of all keys that this reader and its sections were asked for.
  const std::set<std::string>& asked() const { return *asked_; }

  /// Throws for a value that is not what it must be. @param what follows "must be" in the text
  /// @param remedy ends it
  [[noreturn]] void refuse(const std::string& key, const std::string& what,
                           const std::string& remedy = "") const;
  /// Throws unless the key is there.
  void require(const std::string& key) const;

 private:
  JsonReader(std::shared_ptr<const Json> object, std::string source, std::string prefix,
             std::shared_ptr<std::set<std::string>> asked);
  const Json* find(const std::string& key) const;
  std::string path_of(const std::string& key) const;

  std::shared_ptr<const Json> object_;  // of the whole document: sections share it
  std::string source_, prefix_;
  std::shared_ptr<std::set<std::string>> asked_;  // with the sections'
};

}  // namespace longspan
