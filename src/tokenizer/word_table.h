#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace longspan {

/// Numbers distinct words in the order of their insertion. Looking up allocates nothing.
class WordTable {
 public:
  WordTable();

  /// Returns the number of the word, or -1.
  std::int32_t find(std::string_view word) const;
  /// Returns the number of the word, a new one when it is not there yet.
  std::int32_t insert(std::string_view word);
  /// Returns a word by number; valid until the next insert().
  std::string_view word(std::int32_t number) const;
  std::int32_t size() const { return static_cast<std::int32_t>(spans_.size()); }

 private:
  struct Span {
    std::size_t begin;
    std::size_t length;
  };
  struct Slot {
    std::uint32_t tag = 0;
    std::int32_t number = -1;
  };
  std::size_t slot_of(std::string_view word, std::uint64_t hash) const;
  void grow();

  std::string letters_;      // all words, one after another
  std::vector<Span> spans_;  // by number
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace longspan
