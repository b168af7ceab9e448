#include "emulator/block.h"

#include <algorithm>
#include <cstring>

#include "longspan/core/error.h"

namespace longspan::emulator {
namespace {

constexpr std::size_t kBanks = 32, kBankBytes = 4, kCopyBytes = 16;

std::size_t place(int thread) { return static_cast<std::size_t>(thread); }

}  // namespace

Block::Block(int num_threads, std::size_t shared_bytes, GlobalMemory& memory, std::uint64_t seed)
    : fibers_(place(num_threads)),
      memory_(memory),
      shared_(shared_bytes),
      random_(seed),
      num_threads_(num_threads),
      barriers_passed_(place(num_threads)),
      warps_(place(num_threads / kWarpThreads)),
      slots_(warps_.size()),
      copies_(place(num_threads)),
      accesses_(warps_.size()),
      ordinals_(place(num_threads)) {
  if (num_threads % kWarpThreads != 0) throw Fault{"a block must have whole warps"};
}

void Block::run(std::int64_t block, const std::function<void(int)>& body) {
  block_ = block;
  shared_.begin_block();
  std::ranges::fill(warps_, Warp{});
  std::ranges::fill(ordinals_, 0);
  std::ranges::fill(barriers_passed_, 0);
  at_barrier_.clear();
  runnable_.clear();
  for (auto& groups : copies_) groups.assign(1, {});
  for (int thread = 0; thread < num_threads_; ++thread) runnable_.push_back(thread);
  fibers_.begin([&](std::size_t thread) { body(static_cast<int>(thread)); });
  int ended = 0;
  while (ended < num_threads_) {
    if (runnable_.empty()) report_deadlock();
    std::swap(runnable_[random_() % runnable_.size()], runnable_.back());
    const int thread = runnable_.back();
    runnable_.pop_back();
    fibers_.resume(place(thread));
    if (!fibers_.has_ended(place(thread))) continue;
    ++ended;
    for (const auto& group : copies_[place(thread)])
      if (!group.empty()) throw Fault{concat("thread ", thread, " never waited for its copies")};
  }
  for (std::size_t warp = 0; warp < warps_.size(); ++warp) count_accesses(static_cast<int>(warp));
}

void Block::report_deadlock() const {
  for (const Warp& warp : warps_)
    if (!warp.waiting.empty())
      throw Fault{concat("thread ", warp.waiting.front(), " waits for its warp, of which ",
                         kWarpThreads - static_cast<int>(warp.waiting.size()),
                         " threads wait elsewhere or have ended")};
  throw Fault{concat(at_barrier_.size(), " of ", num_threads_,
                     " threads wait at a barrier that the others do not reach")};
}

void Block::meet_block(int thread) {
  if (barriers_passed_[place(thread)]++ == skipped_barrier_) return;
  at_barrier_.push_back(thread);
  if (static_cast<int>(at_barrier_.size()) < num_threads_) {
    fibers_.pause();
    return;
  }
  ++epoch_;
  for (std::size_t warp = 0; warp < warps_.size(); ++warp) count_accesses(static_cast<int>(warp));
  for (const int other : at_barrier_)
    if (other != thread) runnable_.push_back(other);
  at_barrier_.clear();
}

void Block::meet_warp(int thread, Collective what, void (*act)(Block&, int)) {
  const int number = thread / kWarpThreads;
  Warp& warp = warps_[place(number)];
  if (!warp.waiting.empty() && warp.what != what)
    throw Fault{concat("threads ", warp.waiting.front(), " and ", thread,
                       " of a warp meet in different operations")};
  warp.what = what;
  warp.waiting.push_back(thread);
  if (warp.waiting.size() < kWarpThreads) {
    fibers_.pause();
    return;
  }
  count_accesses(number);
  if (what == Collective::Synchronize) ++warp.epoch;
  if (act != nullptr) act(*this, number);
  for (const int other : warp.waiting)
    if (other != thread) runnable_.push_back(other);
  warp.waiting.clear();
}

Moment Block::moment(int thread) const {
  return {thread, epoch_, warps_[place(thread / kWarpThreads)].epoch};
}

const char* Block::read_shared(int thread, std::size_t offset, std::size_t bytes) {
  accesses_[place(thread / kWarpThreads)].push_back(
      {ordinals_[place(thread)]++, thread, offset, bytes});
  return shared_.read(offset, bytes, moment(thread));
}

char* Block::write_shared(int thread, std::size_t offset, std::size_t bytes) {
  accesses_[place(thread / kWarpThreads)].push_back(
      {ordinals_[place(thread)]++, thread, offset, bytes});
  return shared_.write(offset, bytes, moment(thread));
}

// The bytes may arrive at any time up to the wait: they are NaN from here to there, and both ends
// count as writes.
void Block::copy_async(int thread, std::size_t offset, const void* source) {
  if (source != nullptr) check_global_read(thread, source, kCopyBytes);
  std::memset(write_shared(thread, offset, kCopyBytes), 0xff, kCopyBytes);
  copies_[place(thread)].back().push_back({offset, source});
}

void Block::commit_copies(int thread) { copies_[place(thread)].emplace_back(); }

void Block::wait_copies(int thread, std::size_t groups_left) {
  auto& groups = copies_[place(thread)];
  while (groups.size() > groups_left + 1) {
    for (const Copy& copy : groups.front()) {
      char* const target = shared_.write(copy.offset, kCopyBytes, moment(thread));
      if (copy.source != nullptr)
        std::memcpy(target, copy.source, kCopyBytes);
      else
        std::memset(target, 0, kCopyBytes);
    }
    groups.erase(groups.begin());
  }
}

void Block::check_global_read(int thread, const void* address, std::size_t bytes) {
  memory_.check_read(address, bytes, block_ * num_threads_ + thread);
  counts_.global_bytes_read += static_cast<std::int64_t>(bytes);
}

void Block::check_global_write(int thread, const void* address, std::size_t bytes) {
  memory_.check_write(address, bytes, block_ * num_threads_ + thread);
  counts_.global_bytes_written += static_cast<std::int64_t>(bytes);
}

// Threads whose accesses have the same number since they last met are taken for one access of the
// warp, which goes through in parts of at most 128 bytes.
void Block::count_accesses(int warp) {
  auto& accesses = accesses_[place(warp)];
  std::ranges::sort(accesses, {},
                    [](const Access& access) { return std::pair(access.ordinal, access.thread); });
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    offsets.push_back(accesses[i].offset);
    const bool last = i + 1 == accesses.size() || accesses[i + 1].ordinal != accesses[i].ordinal ||
                      accesses[i + 1].bytes != accesses[i].bytes ||
                      offsets.size() * accesses[i].bytes >= kBanks * kBankBytes;
    if (!last) continue;
    count_wavefronts(offsets, accesses[i].bytes);
    offsets.clear();
  }
  accesses.clear();
  for (int lane = 0; lane < kWarpThreads; ++lane) ordinals_[place(warp * kWarpThreads + lane)] = 0;
}

void Block::count_wavefronts(const std::vector<std::size_t>& offsets, std::size_t bytes) {
  std::array<std::vector<std::size_t>, kBanks> words_of_bank;
  for (const std::size_t offset : offsets)
    for (std::size_t at = offset; at < offset + bytes; at += kBankBytes) {
      const std::size_t word = at / kBankBytes;
      auto& words = words_of_bank[word % kBanks];
      if (std::ranges::find(words, word) == words.end()) words.push_back(word);
    }
  std::size_t most = 0;
  for (const auto& words : words_of_bank) most = std::max(most, words.size());
  counts_.shared_wavefronts += static_cast<std::int64_t>(most);
  counts_.shared_wavefronts_ideal += 1;
}

}  // namespace longspan::emulator
