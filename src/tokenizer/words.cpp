// Splits UTF-8 at whitespace, a byte at a time. The set is that of Python's str.isspace(), which
// the paper's preprocessing splits at; U+200B, U+FEFF, U+2060 and U+180E are not in it.
#include "longspan/tokenizer/words.h"

#include <array>
#include <cstddef>

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
  if (end - at < 3) return 0;
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

std::int64_t count_words(std::string_view text) {
  std::int64_t words = 0;
  while (!next_word(text).empty()) ++words;
  return words;
}

}  // namespace longspan
