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
  /// What most words are known by without another look at memory.
  struct Key {
    std::uint64_t head = 0;  // the first eight bytes, in a form of their own
    std::uint32_t size_and_hash = 0;
    std::uint64_t hash = 0;
  };
  struct Slot {
    std::uint64_t head = 0;
    std::uint32_t size_and_hash = 0;
    std::int32_t number = -1;
  };
  static Key key_of(std::string_view word);
  std::size_t slot_of(std::string_view word, const Key& key) const;
  void grow();

  std::string letters_;      // all words, one after another
  std::vector<Span> spans_;  // by number
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace longspan
