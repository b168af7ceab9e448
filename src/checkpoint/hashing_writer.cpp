// Hashes while writing, so that a checkpoint's checksums cost no second reading.

#include "checkpoint/hashing_writer.h"

#include <algorithm>

namespace longspan::checkpoint {
namespace {

// Above the writer's buffer, so that pieces are not copied into it, and small enough to be in the
// cache still when written.
constexpr std::size_t kHashedBytes = std::size_t{2} << 20;

}  // namespace

HashingWriter::HashingWriter(const std::filesystem::path& path) : writer_(path) {}

void HashingWriter::write(std::span<const std::byte> bytes) {
  num_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kHashedBytes));
    hasher_.update(piece);
    writer_.write(piece);
    bytes = bytes.subspan(piece.size());
  }
}

void HashingWriter::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

ManifestFile HashingWriter::close(const std::string& name) {
  writer_.close_durably();
  return {name, num_bytes_, hasher_.digest()};
}

}  // namespace longspan::checkpoint
