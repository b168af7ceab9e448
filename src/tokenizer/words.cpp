// Splits UTF-8 at whitespace. The set is that of Python's str.isspace(), which
// the paper's preprocessing splits at; U+200B, U+FEFF, U+2060 and U+180E are not in it.
#include "longspan/tokenizer/words.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "tokenizer/word_scan.h"

namespace longspan {
namespace {

enum class ByteClass : std::uint8_t { Letter, Space, Lead };

constexpr std::array<ByteClass, 256> make_classes() {
  std::array<ByteClass, 256> classes{};
  for (std::size_t byte = 0x09; byte <= 0x0D; ++byte) classes[byte] = ByteClass::Space;
  for (std::size_t byte = 0x1C; byte <= 0x20; ++byte) classes[byte] = ByteClass::Space;
  for (const std::size_t byte : {0xC2, 0xE1, 0xE2, 0xE3}) classes[byte] = ByteClass::Lead;
  return classes;
}
constexpr std::array<ByteClass, 256> kClasses = make_classes();

unsigned byte_at(const char* at) { return static_cast<unsigned char>(*at); }

// Returns the bytes of the whitespace character that may start with a lead byte at `at`, else 0.
std::ptrdiff_t wide_space(const char* at, const char* end) {
  if (end - at < 2) return 0;
  const unsigned second = byte_at(at + 1);
  if (byte_at(at) == 0xC2) return second == 0x85 || second == 0xA0 ? 2 : 0;
  const auto continues = [&](int place) { return (byte_at(at + place) & 0xC0u) == 0x80; };
  if (end - at < 3 || !continues(1) || !continues(2)) return 0;
  const unsigned point =
      (byte_at(at) & 0xFu) << 12 | (second & 0x3Fu) << 6 | (byte_at(at + 2) & 0x3Fu);
  const bool space = point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
                     point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
  return space ? 3 : 0;
}

std::ptrdiff_t space_bytes(const char* at, const char* end) {
  switch (kClasses[byte_at(at)]) {
    case ByteClass::Letter:
      return 0;
    case ByteClass::Space:
      return 1;
    case ByteClass::Lead:
      return wide_space(at, end);
  }
  return 0;
}

struct Masks {
  unsigned spaces, not_ascii;  // a bit a byte
};

// Of 16 bytes. The whitespace of ASCII is 0x09 .. 0x0D and 0x1C .. 0x20.
Masks masks_of(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const auto in_range = [&](char low) {
    const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(low));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(4)), above);
  };
  const __m128i spaces = _mm_or_si128(in_range(0x09), in_range(0x1C));
  return {static_cast<unsigned>(_mm_movemask_epi8(spaces)),
          static_cast<unsigned>(_mm_movemask_epi8(bytes))};
}

}  // namespace

std::string_view next_word(std::string_view& rest) {
  const char* at = rest.data();
  const char* const end = at + rest.size();
  while (at != end) {
    const std::ptrdiff_t bytes = space_bytes(at, end);
    if (bytes == 0) break;
    at += bytes;
  }
  const char* const begin = at;
  while (at != end && space_bytes(at, end) == 0) ++at;
  rest = {at, static_cast<std::size_t>(end - at)};
  return {begin, static_cast<std::size_t>(at - begin)};
}

std::uint64_t SpaceScan::next() {
  const auto left = static_cast<std::size_t>(end_ - at_);
  const std::size_t bytes = std::min(left, kBytes);
  alignas(16) char copied[kBytes];
  const char* from = at_;
  if (bytes < kBytes) {
    std::memset(copied, ' ', kBytes);
    std::memcpy(copied, at_, bytes);
    from = copied;
  }
  std::uint64_t spaces = carried_, leads = 0;
  carried_ = 0;
  for (std::size_t part = 0; part < kBytes; part += 16) {
    const Masks masks = masks_of(from + part);
    spaces |= std::uint64_t{masks.spaces} << part;
    leads |= std::uint64_t{masks.not_ascii} << part;
  }
  if (leads != 0) spaces |= wide_spaces(leads, bytes);
  at_ += bytes;
  return spaces;
}

std::uint64_t SpaceScan::wide_spaces(std::uint64_t leads, std::size_t bytes) {
  std::uint64_t spaces = 0;
  for (; leads != 0; leads &= leads - 1) {
    const auto place = static_cast<std::size_t>(std::countr_zero(leads));
    if (kClasses[byte_at(at_ + place)] != ByteClass::Lead) continue;
    const auto size = static_cast<std::size_t>(wide_space(at_ + place, end_));
    const std::uint64_t bits = (std::uint64_t{1} << size) - 1;
    spaces |= bits << place;
    if (place + size > bytes) carried_ = bits >> (bytes - place);
  }
  return spaces;
}

std::int64_t count_words(std::string_view text) {
  std::int64_t words = 0;
  std::uint64_t in_word = 0;
  for (SpaceScan scan(text); !scan.done();) {
    const std::uint64_t letters = ~scan.next();
    words += std::popcount(letters & ~(letters << 1 | in_word));
    in_word = letters >> 63;
  }
  return words;
}

}  // namespace longspan
