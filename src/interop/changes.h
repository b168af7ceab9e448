#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/core/json.h"

namespace longspan::interop {

/// What would have to change in the configuration of one of our models for an architecture to
/// express the model.
class Changes {
 public:
  /// @param root of a whole configuration
  explicit Changes(const config::Reader& root) : root_(root) {}

  /// Notes a change unless a key, such as "model.norm", has one of the values; the first is what it
  /// would have to become. Passes over an option that the configuration does not have, since its
  /// kind has to change first.
  void demand(std::string_view key, std::initializer_list<Json> values);
  /// Notes a change unless all heads together are as wide as the model.
  void demand_plain_heads();
  /// Returns the value of a key.
  std::int64_t integer(std::string_view key) const;
  bool boolean(std::string_view key) const;

  /// Returns the notes, "key = value" each.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  config::Reader root_;
  std::vector<std::string> notes_;
};

}  // namespace longspan::interop
