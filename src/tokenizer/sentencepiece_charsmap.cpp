// The model is a protocol buffer; fields 3 and 5 are normalizers, whose field 2 is a table: the
// bytes of a double array (a trie of 32-bit units, Darts-clone's), then the texts that it leads to.
#include "tokenizer/sentencepiece_charsmap.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "longspan/core/error.h"
#include "tokenizer/message_fields.h"

namespace longspan {
namespace {

constexpr std::uint32_t kLeafMark = 1u << 31, kHasLeaf = 1u << 8, kWideOffset = 1u << 9;
constexpr std::size_t kBlockBytes = 1024;  // units come in blocks of 256

std::uint32_t offset_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & kWideOffset) != 0 ? 8 : 0);
}

// From unit i the library goes to i ^ offset, whose number is a place in the texts, and to
// i ^ offset ^ a byte, which lies in the same block.
bool stays_inside(const std::vector<std::uint32_t>& units, std::size_t text_bytes) {
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (i > 0 && (units[i] & kLeafMark) != 0) continue;
    const std::size_t next = i ^ offset_of(units[i]);
    if (next >= units.size()) return false;
    if ((units[i] & kHasLeaf) != 0 && (units[next] & ~kLeafMark) >= text_bytes) return false;
  }
  return true;
}

/// A table, taken apart; no units where it is malformed.
struct Charsmap {
  explicit Charsmap(std::string_view table) {
    std::uint32_t trie_bytes = 0;
    if (table.size() <= sizeof trie_bytes || table.back() != '\0') return;
    std::memcpy(&trie_bytes, table.data(), sizeof trie_bytes);
    table.remove_prefix(sizeof trie_bytes);
    if (trie_bytes == 0 || trie_bytes % kBlockBytes != 0 || trie_bytes >= table.size()) return;
    units.resize(trie_bytes / sizeof(std::uint32_t));
    std::memcpy(units.data(), table.data(), trie_bytes);
    texts = table.substr(trie_bytes);
  }

  std::vector<std::uint32_t> units;
  std::string_view texts;
};

void check_charsmap(std::string_view table, const std::string& source) {
  if (table.empty()) return;
  const Charsmap map(table);
  check(!map.units.empty() && stays_inside(map.units, map.texts.size()), ErrorKind::Data, source,
        ": the model's table of characters must not lead outside itself, it does; it is damaged");
}

/// Walks a table's trie. Ends of keys may share units, so that the walk is longer than the table;
/// that of the library's largest set of rules has some 100,000 steps.
class RuleWalk {
 public:
  explicit RuleWalk(std::string_view table) : map_(table) {}

  bool visit(const NormalizationRules& rules) {
    rules_ = &rules;
    return !map_.units.empty() && below(offset_of(map_.units[0]));
  }

 private:
  static constexpr std::size_t kMaxKeyBytes = 1000;  // of the stack's depth

  bool below(std::size_t place) {
    for (unsigned byte = 1; byte < 256; ++byte) {
      const std::size_t next = place ^ byte;
      if (next >= map_.units.size()) return false;
      const std::uint32_t unit = map_.units[next];
      if ((unit & (kLeafMark | 0xFF)) != byte) continue;
      if (steps_left_-- == 0 || key_.size() == kMaxKeyBytes) return false;
      key_ += static_cast<char>(byte);
      const std::size_t further = next ^ offset_of(unit);
      if ((unit & kHasLeaf) != 0) {
        const char* const text = &map_.texts[map_.units[further] & ~kLeafMark];
        (*rules_)(key_, text);  // a text ends with a zero
      }
      if (!below(further)) return false;
      key_.pop_back();
    }
    return true;
  }

  Charsmap map_;
  std::size_t steps_left_ = std::size_t{1} << 22;
  std::string key_;
  const NormalizationRules* rules_ = nullptr;
};

}  // namespace

void check_charsmaps(std::string_view model, const std::string& source) {
  for (MessageFields fields(model, source); fields.next();) {
    if (fields.number() != 3 && fields.number() != 5) continue;
    for (MessageFields normalizer(fields.content(), source); normalizer.next();)
      if (normalizer.number() == 2) check_charsmap(normalizer.content(), source);
  }
}

bool for_each_rule(std::string_view table, const NormalizationRules& take) {
  return RuleWalk(table).visit(take);
}

}  // namespace longspan
