// A flag only says that a check can be left out, so it orders nothing.
#include "data/shard_blocks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "data/manifest.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"

namespace longspan {

ShardBlocks::ShardBlocks(std::filesystem::path path, std::shared_ptr<const MappedFile> file,
                         const ShardHeader& header)
    : path_(std::move(path)),
      file_(std::move(file)),
      bytes_per_token_(header.bytes_per_token),
      ids_(shard_payload(*file_, header)),
      checksums_(shard_checksums(*file_, header)),
      is_checked_(std::make_unique<std::atomic<bool>[]>(checksums_.size())) {}

void ShardBlocks::check_tokens(std::int64_t begin, std::int64_t count) const {
  if (count == 0) return;
  const auto block_of = [this](std::int64_t token) {
    return static_cast<std::size_t>(token * bytes_per_token_) / kShardBlockBytes;
  };
  for (std::size_t block = block_of(begin); block <= block_of(begin + count - 1); ++block) {
    if (is_checked_[block].load(std::memory_order_relaxed)) continue;
    check_block(block);
    is_checked_[block].store(true, std::memory_order_relaxed);
  }
}

void ShardBlocks::check_block(std::size_t block) const {
  const std::size_t begin = block * kShardBlockBytes;
  const std::size_t count = std::min(kShardBlockBytes, ids_.size() - begin);
  const auto width = static_cast<std::size_t>(bytes_per_token_);
  const auto blame = [&](const auto&... what) {
    return concat(path_.string(), ": tokens ", begin / width, " .. ", (begin + count) / width - 1,
                  " of the shard ", what..., kPrepareAgain);
  };
  try {
    file_->load(kShardHeaderBytes + begin, count);
  } catch (const Error& cause) {
    std::throw_with_nested(Error(ErrorKind::Data, blame("must be readable, got: ", cause.what())));
  }
  const std::uint64_t found = hash64_of(ids_.subspan(begin, count));
  if (found == checksums_[block]) return;
  throw Error(ErrorKind::Data,
              blame("are damaged: their checksum must be ", checksum_text(checksums_[block]),
                    ", found ", checksum_text(found)));
}

}  // namespace longspan
