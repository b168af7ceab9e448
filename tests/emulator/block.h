#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "emulator/fibers.h"
#include "emulator/memory.h"

namespace longspan::emulator {

inline constexpr int kWarpThreads = 32;

/// What all threads of a warp do at one time.
enum class Collective : std::uint8_t {
  None,
  Shuffle,
  Vote,
  Ballot,
  Product,
  LoadMatrices,
  Synchronize
};

/// The operands and results of a warp's threads in a collective.
struct WarpSlots {
  std::array<std::array<std::uint32_t, 6>, kWarpThreads> in;
  std::array<std::array<float, 4>, kWarpThreads> sums;
  std::array<std::array<std::uint32_t, 4>, kWarpThreads> out;
};

/// One block's threads as fibers, which run in random order up to the next point where they must
/// meet.
class Block {
 public:
  Block(int num_threads, std::size_t shared_bytes, GlobalMemory& memory, std::uint64_t seed);

  /// Lets every thread run past its n-th barrier of the block, from 0 on, as if it were not there.
  void skip_barrier(int number) { skipped_barrier_ = number; }
  /// Runs body(thread) for each thread. @throws Fault
  void run(std::int64_t block, const std::function<void(int)>& body);

  // What threads call.
  void meet_block(int thread);
  /// Waits for the warp; the last to come carries out `act`, if there is one, for all.
  void meet_warp(int thread, Collective what, void (*act)(Block&, int warp));
  WarpSlots& slots(int thread) { return slots_[static_cast<std::size_t>(thread / kWarpThreads)]; }
  const char* read_shared(int thread, std::size_t offset, std::size_t bytes);
  char* write_shared(int thread, std::size_t offset, std::size_t bytes);
  void copy_async(int thread, std::size_t offset, const void* source);
  void commit_copies(int thread);
  void wait_copies(int thread, std::size_t groups_left);
  void check_global_read(int thread, const void* address, std::size_t bytes);
  void check_global_write(int thread, const void* address, std::size_t bytes);
  Moment moment(int thread) const;
  SharedMemory& shared() { return shared_; }
  Counts& counts() { return counts_; }
  /// Counts one pass through shared memory, of at most 128 bytes.
  void count_wavefronts(const std::vector<std::size_t>& offsets, std::size_t bytes);

 private:
  struct Copy {
    std::size_t offset;
    const void* source;  // null: zeros
  };
  struct Warp {
    Collective what = Collective::None;
    std::vector<int> waiting;
    std::uint32_t epoch = 0;
  };
  struct Access {
    int ordinal, thread;
    std::size_t offset, bytes;
  };
  void count_accesses(int warp);
  [[noreturn]] void report_deadlock() const;

  Fibers fibers_;
  GlobalMemory& memory_;
  SharedMemory shared_;
  std::mt19937_64 random_;
  int num_threads_;
  std::int64_t block_ = 0;
  std::uint32_t epoch_ = 0;
  int skipped_barrier_ = -1;
  std::vector<int> barriers_passed_;  // of each thread
  std::vector<int> runnable_, at_barrier_;
  std::vector<Warp> warps_;
  std::vector<WarpSlots> slots_;
  std::vector<std::vector<std::vector<Copy>>> copies_;  // of each thread: groups, the last open
  std::vector<std::vector<Access>> accesses_;           // of each warp since its last meeting
  std::vector<int> ordinals_;
  Counts counts_;
};

}  // namespace longspan::emulator
