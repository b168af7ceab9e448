// Gathers a shard in memory, because its digest stands in front of it in the file.
#include "data/shard_writer.h"

#include <utility>

#include "data/shard_file.h"
#include "longspan/core/hash.h"

namespace longspan {

std::int64_t bytes_per_token(std::int64_t vocab_size) { return vocab_size <= 65536 ? 2 : 4; }

ShardWriter::ShardWriter(std::filesystem::path folder, std::string split,
                         std::int64_t bytes_per_token, std::int64_t shard_tokens)
    : folder_(std::move(folder)),
      split_(std::move(split)),
      bytes_per_token_(bytes_per_token),
      shard_tokens_(shard_tokens),
      shards_(split_) {}

std::int64_t ShardWriter::buffered_tokens() const {
  return static_cast<std::int64_t>(buffer_.size()) / bytes_per_token_;
}

void ShardWriter::append(const std::vector<std::int32_t>& ids) {
  const auto width = static_cast<std::size_t>(bytes_per_token_);
  const std::size_t full = static_cast<std::size_t>(shard_tokens_) * width;
  for (const std::int32_t id : ids) {  // the low bytes of a little-endian id come first
    const auto* bytes = reinterpret_cast<const std::byte*>(&id);
    buffer_.insert(buffer_.end(), bytes, bytes + width);
    if (buffer_.size() == full) write_buffer();
  }
}

Json ShardWriter::finish() {
  if (!buffer_.empty()) write_buffer();
  return shards_.write(folder_);
}

void ShardWriter::write_buffer() {
  Hasher hasher;
  hasher.update(buffer_);
  const ShardHeader header{bytes_per_token_, buffered_tokens(), first_token_, hasher.digest()};
  write_shard(folder_ / shard_name(split_, shards_.size()), header, buffer_);
  shards_.add(header.num_tokens, *digest_bytes(header.digest));
  first_token_ += header.num_tokens;
  buffer_.clear();
}

}  // namespace longspan
