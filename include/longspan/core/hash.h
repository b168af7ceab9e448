#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace longspan {

/// Computes XXH3 (128 bits) over bytes given in pieces: fast, for damage and equality, not for
/// security.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// Returns 32 hexadecimal digits of all that was given so far.
  std::string digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Returns XXH3 with 64 bits and seed 0 of bytes, for tables of many small pieces.
std::uint64_t hash64_of(std::span<const std::byte> bytes);
/// Returns the digest of a text.
std::string hash_of(std::string_view text);
/// Returns the digest of a file's content. @throws Error(Io)
std::string hash_of_file(const std::filesystem::path& path);
/// Returns a 64-bit value of a text, the same on every machine and in every version.
constexpr std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

}  // namespace longspan
