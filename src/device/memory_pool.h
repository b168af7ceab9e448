#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace longspan {

/// Blocks of memory that are kept when they are given back, for the next who asks for as much.
/// What it holds, in use and kept, is never more than what was in use at once at some time: a new
/// block that would make it more gets the pages of the blocks that were kept longest. So a training
/// step finds the blocks of the step before, blocks of sizes that never come again do not add up,
/// as the holes of a heap do, and no page is asked for twice. For any thread.
class MemoryPool {
 public:
  MemoryPool() = default;
  /// Gives the kept blocks back to the system. None may be in use.
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// Returns `bytes` at a multiple of 64, with any content, or nullptr where the system has none
  /// left.
  void* take(std::size_t bytes);
  /// Returns whether `data` is of take() and was not given back yet; it is then.
  bool give_back(void* data);

  /// What was asked for of the system and not given back to it, in bytes.
  std::size_t bytes_held() const;
  /// The most that was in use at once, in bytes.
  std::size_t most_in_use() const;

 private:
  struct Block {
    std::byte* begin = nullptr;
    std::size_t bytes = 0;
    std::vector<std::size_t> pieces;  // their bytes, in order: mappings that the system moves whole
  };
  using Kept = std::list<Block>;  // the longest kept first

  std::optional<Block> find_kept(std::size_t bytes);
  std::optional<Block> split_kept(std::size_t bytes);
  std::optional<Block> map_new(std::size_t bytes);
  bool move_oldest_pages(Block& block);
  static bool move_pages(Block& from, Block& to, std::size_t& filled);
  bool fill_with_new_pages(Block& block, std::size_t filled);
  void keep(Kept::iterator place, Block block);
  Block take_out(Kept::iterator block);
  void release_oldest();

  mutable std::mutex mutex_;
  Kept kept_;
  std::multimap<std::size_t, Kept::iterator> kept_by_size_;
  std::unordered_map<void*, Block> used_;
  std::size_t bytes_used_ = 0, bytes_kept_ = 0, most_used_ = 0;
  std::size_t next_offset_ = 0;
};

}  // namespace longspan
