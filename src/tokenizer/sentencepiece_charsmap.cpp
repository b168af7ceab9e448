// The model is a protocol buffer; fields 3 and 5 are normalizers, whose field 2 is a table: the
// bytes of a double array (a trie of 32-bit units, Darts-clone's), then the texts that it leads to.
#include "tokenizer/sentencepiece_charsmap.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::uint32_t kLeafMark = 1u << 31, kHasLeaf = 1u << 8, kWideOffset = 1u << 9;
constexpr std::size_t kBlockBytes = 1024;  // units come in blocks of 256

// Reads the fields of a message one by one.
class Fields {
 public:
  Fields(std::string_view message, const std::string& source) : rest_(message), source_(source) {}

  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint();
    demand(tag <= 0xffffffff && tag >> 3 != 0);
    number_ = tag >> 3;
    content_ = {};
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        take(8);
        break;
      case 2:
        content_ = take(varint());
        break;
      case 5:
        take(4);
        break;
      default:
        demand(false);
    }
    return true;
  }
  std::uint64_t number() const { return number_; }
  /// Returns the bytes of a field that holds bytes, a text or a message.
  std::string_view content() const { return content_; }

 private:
  void demand(bool ok) const {
    check(ok, ErrorKind::Data, source_,
          ": must be a SentencePiece model, got: a malformed protocol buffer");
  }
  std::string_view take(std::uint64_t size) {
    demand(size <= rest_.size());
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    demand(false);
    unreachable();
  }

  std::string_view rest_, content_;
  const std::string& source_;
  std::uint64_t number_ = 0;
};

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

void check_charsmap(std::string_view table, const std::string& source) {
  if (table.empty()) return;
  std::uint32_t trie_bytes = 0;
  bool good = table.size() > sizeof trie_bytes && table.back() == '\0';
  if (good) {
    std::memcpy(&trie_bytes, table.data(), sizeof trie_bytes);
    table.remove_prefix(sizeof trie_bytes);
    good = trie_bytes > 0 && trie_bytes % kBlockBytes == 0 && trie_bytes < table.size();
  }
  if (good) {
    std::vector<std::uint32_t> units(trie_bytes / sizeof(std::uint32_t));
    std::memcpy(units.data(), table.data(), trie_bytes);
    good = stays_inside(units, table.size() - trie_bytes);
  }
  check(good, ErrorKind::Data, source,
        ": the model's table of characters must not lead outside itself, it does; it is damaged");
}

}  // namespace

void check_charsmaps(std::string_view model, const std::string& source) {
  for (Fields fields(model, source); fields.next();) {
    if (fields.number() != 3 && fields.number() != 5) continue;
    for (Fields normalizer(fields.content(), source); normalizer.next();)
      if (normalizer.number() == 2) check_charsmap(normalizer.content(), source);
  }
}

}  // namespace longspan
