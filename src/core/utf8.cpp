// Checks UTF-8 after the table of well-formed byte sequences in the Unicode standard (table 3-7),
// eight ASCII bytes at a time where there are such.
#include "longspan/core/utf8.h"

#include <cstdint>
#include <cstring>

namespace longspan {
namespace {

unsigned byte_at(const char* at) { return static_cast<unsigned char>(*at); }

/// What the first byte of a sequence says of the rest.
struct Sequence {
  std::ptrdiff_t length;  // 0: no sequence starts so
  unsigned low;           // bounds of the second byte
  unsigned high;
};

Sequence sequence_of(unsigned first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xC2) return {0, 0, 0};
  if (first < 0xE0) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first < 0xF0) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first < 0xF4) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// Returns the bytes of the character at `at`, or 0 when it is not well-formed.
std::ptrdiff_t character_bytes(const char* at, const char* end) {
  const Sequence sequence = sequence_of(byte_at(at));
  if (sequence.length == 0 || end - at < sequence.length) return 0;
  if (sequence.length > 1 && (byte_at(at + 1) < sequence.low || byte_at(at + 1) > sequence.high))
    return 0;
  for (std::ptrdiff_t i = 2; i < sequence.length; ++i) {
    if ((byte_at(at + i) & 0xC0) != 0x80) return 0;
  }
  return sequence.length;
}

bool are_ascii(const char* at) {
  std::uint64_t bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return (bytes & 0x8080808080808080u) == 0;
}

}  // namespace

std::size_t find_invalid_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    if (end - at >= 8 && are_ascii(at)) {
      at += 8;
      continue;
    }
    const std::ptrdiff_t bytes = character_bytes(at, end);
    if (bytes == 0) return static_cast<std::size_t>(at - text.data());
    at += bytes;
  }
  return std::string_view::npos;
}

std::string byte_in_hex(char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  return std::string("byte 0x") + kDigits[value >> 4] + kDigits[value & 15];
}

}  // namespace longspan
