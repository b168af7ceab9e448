// XXH3. A digest of 128 bits is written as xxh128sum writes it, so that a checksum can be checked
// by hand.
#include "longspan/core/hash.h"

#include <xxhash.h>

#include <new>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/progress.h"

namespace longspan {

struct Hasher::State {
  State() : xxh(XXH3_createState()) {
    if (xxh == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(xxh);
  }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  XXH3_state_t* xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

void Hasher::update(std::string_view text) { update(std::as_bytes(std::span(text))); }

std::string Hasher::digest() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::uint64_t hash64_of(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hash_of(std::string_view text) {
  Hasher hasher;
  hasher.update(text);
  return hasher.digest();
}

std::string hash_of_file(const std::filesystem::path& path) {
  FileReader file(path);
  std::vector<char> buffer(std::size_t{1} << 20);
  Hasher hasher;
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path, unknown);
  ByteProgress progress(concat("checksum of ", path.filename().string()),
                        unknown ? 0 : static_cast<std::int64_t>(size));
  while (const std::size_t count = file.read(buffer)) {
    hasher.update(std::string_view(buffer.data(), count));
    progress.add(static_cast<std::int64_t>(count));
  }
  return hasher.digest();
}

}  // namespace longspan
