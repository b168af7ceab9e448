#include "data/shard_set.h"

#include <algorithm>
#include <utility>

#include "data/blaming.h"
#include "data/manifest.h"
#include "longspan/core/error.h"
#include "longspan/core/inside.h"
#include "longspan/core/progress.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

template <class Work>
auto blaming_shard(const fs::path& path, const Work& work) {
  return blaming(path, "a shard", kPrepareAgain, work);
}

template <class Value>
void check_field(const fs::path& path, const char* field, const Value& expected,
                 const Value& found) {
  check(expected == found, ErrorKind::Data, path.string(), ": ", field, " of the shard must be ",
        expected, " as in the manifest, found ", found, kPrepareAgain);
}

// Of many short texts, at a time.
constexpr std::size_t kHashedBytes = std::size_t{1} << 16;

// Asks for all lines of a read at once: where a block is read from a random place, the processor
// would wait for one after another. What is not mapped yet is left out.
void prefetch(const std::byte* begin, std::size_t count) {
  constexpr std::size_t kLineBytes = 64, kMostBytes = 4096;
  for (std::size_t at = 0; at < std::min(count, kMostBytes); at += kLineBytes)
    __builtin_prefetch(begin + at);
}

}  // namespace

ShardSet::ShardSet(fs::path folder, ShardList list, std::int64_t bytes_per_token,
                   std::size_t most_open)
    : folder_(std::move(folder)),
      list_(std::move(list)),
      bytes_per_token_(bytes_per_token),
      most_open_(most_open) {}

fs::path ShardSet::path_of(std::size_t shard) const {
  const std::string name = list_.file(shard);
  const auto inside = path_inside(folder_, name);
  check(inside.has_value(), ErrorKind::Data, (folder_ / kManifestFile).string(),
        ": file must be a path inside the folder, got ", name, kPrepareAgain);
  return *inside;
}

std::shared_ptr<const ShardSet::Opened> ShardSet::open(std::size_t shard) const {
  fs::path path = path_of(shard);
  auto file = blaming_shard(path, [&] { return std::make_shared<const MappedFile>(path); });
  const ShardHeader header = blaming_shard(path, [&] { return read_shard_header(*file, path); });
  check_field(path, "the token count", list_.num_tokens(shard), header.num_tokens);
  check_field(path, "the digest", digest_text(list_.digest(shard)), header.digest);
  check_field(path, "the first token", list_.first_token(shard), header.first_token);
  check_field(path, "bytes per token", bytes_per_token_, header.bytes_per_token);
  const auto ids = shard_payload(*file, header);
  ShardBlocks blocks(path, file, header);
  return std::make_shared<const Opened>(
      Opened{std::move(path), std::move(file), ids, std::move(blocks)});
}

std::shared_ptr<const ShardSet::Opened> ShardSet::opened(std::size_t shard) const {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(shard);
  if (found != open_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
  }
  recent_.emplace_front(shard, open(shard));
  open_.emplace(shard, recent_.begin());
  if (recent_.size() > most_open_) {
    open_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return recent_.front().second;
}

template <class Action>
void ShardSet::for_pieces(std::int64_t begin, std::int64_t count, const Action& action) const {
  if (count == 0) return;
  for (std::size_t shard = list_.shard_of(begin); count > 0; ++shard) {
    const std::int64_t skipped = begin - list_.first_token(shard);
    const std::int64_t taken = std::min(count, list_.num_tokens(shard) - skipped);
    action(shard, skipped, taken);
    begin += taken;
    count -= taken;
  }
}

void ShardSet::copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const {
  for_pieces(begin, count, [&](std::size_t number, std::int64_t skipped, std::int64_t taken) {
    const auto shard = opened(number);
    const auto width = static_cast<std::size_t>(bytes_per_token_);
    prefetch(shard->ids.data() + static_cast<std::size_t>(skipped) * width,
             static_cast<std::size_t>(taken) * width);
    shard->blocks.check_tokens(skipped, taken);
    widen(shard->ids.data(), bytes_per_token_, skipped, taken, out);
    out += taken;
  });
}

std::vector<TokenPlace> ShardSet::places(std::int64_t begin, std::int64_t count) const {
  std::vector<TokenPlace> places;
  for_pieces(begin, count, [&](std::size_t shard, std::int64_t skipped, std::int64_t taken) {
    const auto offset = static_cast<std::int64_t>(kShardHeaderBytes) + skipped * bytes_per_token_;
    places.push_back({path_of(shard), offset, taken, bytes_per_token_});
  });
  return places;
}

std::size_t ShardSet::open_first(std::size_t at_most) const {
  const std::size_t count = std::min(at_most, list_.size());
  for (std::size_t shard = 0; shard < count; ++shard) opened(shard);
  return count;
}

void ShardSet::verify() const {
  ByteProgress progress(concat("verify shards of ", folder_.filename().string()),
                        size() * bytes_per_token_);
  for (std::size_t i = 0; i < list_.size(); ++i) {
    const auto shard = open(i);
    shard->blocks.check_tokens(0, list_.num_tokens(i));
    Hasher hasher;
    hasher.update(shard->ids);
    progress.add(static_cast<std::int64_t>(shard->ids.size()));
    const std::string expected = digest_text(list_.digest(i)), digest = hasher.digest();
    check(digest == expected, ErrorKind::Data, shard->path.string(),
          ": the shard is damaged: its digest must be ", expected, ", found ", digest,
          kPrepareAgain);
  }
}

void ShardSet::describe_to(Hasher& hasher) const {
  std::string text;
  for (std::size_t shard = 0; shard < list_.size(); ++shard) {
    text += ' ';
    text += digest_text(list_.digest(shard));
    if (text.size() < kHashedBytes && shard + 1 < list_.size()) continue;
    hasher.update(text);
    text.clear();
  }
}

}  // namespace longspan
