// A hash table made for one thing: from a word in a text to its number without an allocation. The
// hash is never stored, so it may differ between machines.
#include "tokenizer/word_table.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15ull;

std::uint64_t load(const char* from, std::size_t bytes) {
  std::uint64_t value = 0;
  if (bytes == 8) {
    std::memcpy(&value, from, 8);
  } else if (bytes >= 4) {
    std::uint32_t low, high;
    std::memcpy(&low, from, 4);
    std::memcpy(&high, from + bytes - 4, 4);
    value = static_cast<std::uint64_t>(high) << 32 | low;
  } else if (bytes > 0) {
    const auto byte = [&](std::size_t at) {
      return static_cast<std::uint64_t>(static_cast<unsigned char>(from[at]));
    };
    value = byte(0) << 16 | byte(bytes / 2) << 8 | byte(bytes - 1);
  }
  return value;
}

constexpr std::size_t kHeadBytes = 8;

}  // namespace

WordTable::WordTable() : slots_(1024) {}

// Of a word that fits into it, the head tells it from all others of its size.
WordTable::Key WordTable::key_of(std::string_view word) {
  const char* at = word.data();
  std::size_t left = word.size();
  Key key;
  key.head = load(at, std::min(left, kHeadBytes));
  std::uint64_t hash = (word.size() * kMix ^ key.head) * kMix;
  while (left > kHeadBytes) {
    at += kHeadBytes;
    left -= kHeadBytes;
    hash ^= hash >> 29;
    hash = (hash ^ load(at, std::min(left, kHeadBytes))) * kMix;
  }
  key.hash = hash ^ hash >> 32;
  key.size_and_hash = static_cast<std::uint32_t>(std::min<std::size_t>(word.size(), 0xFF) |
                                                 (hash >> 32 & ~std::uint64_t{0xFF}));
  return key;
}

std::size_t WordTable::slot_of(std::string_view word, const Key& key) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = key.hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.number < 0) return at;
    const bool alike = slot.head == key.head && slot.size_and_hash == key.size_and_hash;
    if (alike && (word.size() <= kHeadBytes || this->word(slot.number) == word)) return at;
  }
}

std::int32_t WordTable::find(std::string_view word) const {
  return slots_[slot_of(word, key_of(word))].number;
}

std::int32_t WordTable::insert(std::string_view word) {
  const Key key = key_of(word);
  const std::size_t at = slot_of(word, key);
  if (slots_[at].number >= 0) return slots_[at].number;
  check(size() < std::numeric_limits<std::int32_t>::max(), ErrorKind::Data,
        "a text must have fewer than 2^31 distinct words");
  const std::int32_t number = size();
  spans_.push_back({letters_.size(), word.size()});
  letters_.append(word);
  slots_[at] = {key.head, key.size_and_hash, number};
  if (spans_.size() * 2 > slots_.size()) grow();
  return number;
}

std::string_view WordTable::word(std::int32_t number) const {
  const Span& span = spans_[static_cast<std::size_t>(number)];
  return {letters_.data() + span.begin, span.length};
}

void WordTable::grow() {
  slots_ = std::vector<Slot>(slots_.size() * 2);
  for (std::int32_t number = 0; number < size(); ++number) {
    const Key key = key_of(word(number));
    slots_[slot_of(word(number), key)] = {key.head, key.size_and_hash, number};
  }
}

}  // namespace longspan
