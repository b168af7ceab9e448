#include "device/memory_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace longspan {
namespace {

// Blocks are of whole units, and begin at them. Processors have one translation for pages that lie
// together in both kinds of memory, and pages that move keep that.
constexpr std::size_t kUnit = std::size_t{1} << 16;
constexpr std::size_t kLine = 64;
// Blocks begin at different cache lines of a page: at the same one, the tensors that a loop reads
// and writes together would compete for the same sets of the caches.
constexpr std::size_t kOffsets = 16;
// A block may be larger than what is asked for by this part of it.
constexpr std::size_t kSlackPart = 16;

// What is left of a block is not kept where it is less: small pieces would add up to ever more
// calls of the system, each of which has all processors forget their translations. In steps of 300
// ms the calls took 20 ms a step with pieces from 64 KiB on, none that show with these.
constexpr std::size_t kLeastPiece = 16 * kUnit;

std::size_t whole_units(std::size_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }

// New pages, in the place of others where `begin` is one.
void* map_pages(std::byte* begin, std::size_t bytes) {
  const int where = begin == nullptr ? 0 : MAP_FIXED;
  return ::mmap(begin, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | where, -1, 0);
}

// New pages that begin at a unit; nullptr where the system has none left.
std::byte* map_units(std::size_t bytes) {
  void* const mapped = map_pages(nullptr, bytes + kUnit);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(mapped);
  const std::size_t before = (kUnit - reinterpret_cast<std::uintptr_t>(first) % kUnit) % kUnit;
  if (before > 0) ::munmap(first, before);
  ::munmap(first + before + bytes, kUnit - before);
  return first + before;
}

}  // namespace

MemoryPool::~MemoryPool() {
  while (!kept_.empty()) release_oldest();
}

void* MemoryPool::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::size_t wanted = whole_units(bytes + kLine * kOffsets);
  if (wanted < bytes) return nullptr;
  std::optional<Block> block = find_kept(wanted);
  if (!block) block = map_new(wanted);
  if (!block) return nullptr;
  bytes_used_ += block->bytes;
  most_used_ = std::max(most_used_, bytes_used_);
  void* const data = block->begin + kLine * (next_offset_++ % kOffsets);
  used_.emplace(data, *std::move(block));
  return data;
}

bool MemoryPool::give_back(void* data) {
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(data);
  if (found == used_.end()) return false;
  bytes_used_ -= found->second.bytes;
  keep(kept_.end(), std::move(found->second));
  used_.erase(found);
  return true;
}

std::size_t MemoryPool::bytes_held() const {
  const std::lock_guard lock(mutex_);
  return bytes_used_ + bytes_kept_;
}

std::size_t MemoryPool::most_in_use() const {
  const std::lock_guard lock(mutex_);
  return most_used_;
}

std::optional<MemoryPool::Block> MemoryPool::find_kept(std::size_t bytes) {
  const auto found = kept_by_size_.lower_bound(bytes);
  if (found == kept_by_size_.end() || found->first > bytes + bytes / kSlackPart)
    return std::nullopt;
  return take_out(found->second);
}

std::optional<MemoryPool::Block> MemoryPool::split_kept(std::size_t bytes) {
  const auto found = kept_by_size_.lower_bound(bytes);
  if (found == kept_by_size_.end()) return std::nullopt;
  const auto place = std::next(found->second);
  Block block = take_out(found->second);
  if (block.bytes - bytes < kLeastPiece) return block;
  Block rest{block.begin + bytes, block.bytes - bytes, {}};
  std::size_t pieces = 0, before = 0;
  while (before + block.pieces[pieces] <= bytes) before += block.pieces[pieces++];
  rest.pieces.assign(block.pieces.begin() + static_cast<std::ptrdiff_t>(pieces),
                     block.pieces.end());
  rest.pieces.front() -= bytes - before;
  block.pieces.resize(pieces);
  if (before < bytes) block.pieces.push_back(bytes - before);
  block.bytes = bytes;
  keep(place, std::move(rest));
  return block;
}

std::optional<MemoryPool::Block> MemoryPool::map_new(std::size_t bytes) {
  const std::size_t most = std::max(most_used_, bytes_used_ + bytes);
  const bool needs_kept = bytes_used_ + bytes_kept_ + bytes > most;
  if (needs_kept)
    if (auto block = split_kept(bytes)) return block;
  std::byte* begin = map_units(bytes);
  while (begin == nullptr && !kept_.empty()) {
    release_oldest();
    begin = map_units(bytes);
  }
  if (begin == nullptr) return std::nullopt;
  Block block{begin, bytes, {bytes}};
  if (needs_kept && !move_oldest_pages(block)) return std::nullopt;
  return block;
}

// Moves pages of kept blocks into a new one until it is full or there are none. Returns whether the
// block is there.
bool MemoryPool::move_oldest_pages(Block& block) {
  std::size_t filled = 0;
  block.pieces.clear();
  while (!kept_.empty() && filled < block.bytes) {
    Block old = take_out(kept_.begin());
    if (!move_pages(old, block, filled)) {
      ::munmap(old.begin, old.bytes);
      return fill_with_new_pages(block, filled);
    }
    if (old.bytes >= kLeastPiece)
      keep(kept_.begin(), std::move(old));
    else if (old.bytes > 0)
      ::munmap(old.begin, old.bytes);
  }
  if (filled < block.bytes) block.pieces.push_back(block.bytes - filled);
  return true;
}

// Moves the first pages of a block behind those that another has been given. Returns false where
// the system, which allows a process so many mappings, refuses.
bool MemoryPool::move_pages(Block& from, Block& to, std::size_t& filled) {
  std::size_t emptied = 0;  // pieces
  while (emptied < from.pieces.size() && filled < to.bytes) {
    std::size_t& left = from.pieces[emptied];
    const std::size_t bytes = std::min(left, to.bytes - filled);
    if (::mremap(from.begin, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to.begin + filled) ==
        MAP_FAILED)
      return false;
    to.pieces.push_back(bytes);
    filled += bytes;
    from.begin += bytes;
    from.bytes -= bytes;
    left -= bytes;
    if (left == 0) ++emptied;
  }
  from.pieces.erase(from.pieces.begin(),
                    from.pieces.begin() + static_cast<std::ptrdiff_t>(emptied));
  return true;
}

// All that is kept goes back to the system. Returns whether it gives the rest of the block.
bool MemoryPool::fill_with_new_pages(Block& block, std::size_t filled) {
  while (!kept_.empty()) release_oldest();
  block.pieces.push_back(block.bytes - filled);
  if (map_pages(block.begin + filled, block.bytes - filled) != MAP_FAILED) return true;
  ::munmap(block.begin, block.bytes);
  return false;
}

void MemoryPool::keep(Kept::iterator place, Block block) {
  bytes_kept_ += block.bytes;
  const auto kept = kept_.insert(place, std::move(block));
  kept_by_size_.emplace(kept->bytes, kept);
}

MemoryPool::Block MemoryPool::take_out(Kept::iterator block) {
  auto found = kept_by_size_.lower_bound(block->bytes);
  while (found->second != block) ++found;
  kept_by_size_.erase(found);
  bytes_kept_ -= block->bytes;
  Block taken = std::move(*block);
  kept_.erase(block);
  return taken;
}

void MemoryPool::release_oldest() {
  const Block block = take_out(kept_.begin());
  ::munmap(block.begin, block.bytes);
}

}  // namespace longspan
