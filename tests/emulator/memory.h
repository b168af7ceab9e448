#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace longspan::emulator {

/// A kernel did what a GPU would not bear, or would bear silently.
struct Fault {
  std::string text;
};

/// What a launch moved. A wavefront is one pass of a warp's access through the 32 banks of shared
/// memory; `ideal` is what the same accesses would take without bank conflicts.
struct Counts {
  std::int64_t global_bytes_read = 0, global_bytes_written = 0;
  std::int64_t shared_wavefronts = 0, shared_wavefronts_ideal = 0;
  std::int64_t products = 0;  ///< of 16 x 8 x 16
};

/// The device memory that a kernel may touch. Within a launch an output belongs to the thread that
/// first wrote it: another thread's access would depend on the order of threads.
class GlobalMemory {
 public:
  void add_input(const void* begin, std::size_t bytes);
  void add_output(void* begin, std::size_t bytes);
  /// @throws Fault when the range is outside, misaligned or another thread's
  void check_read(const void* address, std::size_t bytes, std::int64_t thread);
  void check_write(const void* address, std::size_t bytes, std::int64_t thread);
  /// Forgets which thread wrote what.
  void begin_launch();

 private:
  struct Range {
    std::uintptr_t begin, end;
    bool is_output;
    std::vector<std::int64_t> writers;  // of each 2 bytes; 0: nobody
  };
  Range& range_of(const void* address, std::size_t bytes, const char* verb);
  std::vector<Range> ranges_;
};

/// Who touches shared memory, and when: accesses of two threads have an order when a barrier of the
/// block, or of the warp for two threads of one, lies between them.
struct Moment {
  int thread = 0;
  std::uint32_t block_epoch = 0, warp_epoch = 0;
};

/// One block's shared memory. Looks for accesses without an order, of which one writes.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes);
  /// Forgets all accesses, and fills the memory with NaN.
  void begin_block();
  /// @throws Fault when the range is outside, misaligned, or touched without an order
  const char* read(std::size_t offset, std::size_t bytes, const Moment& moment);
  char* write(std::size_t offset, std::size_t bytes, const Moment& moment);

 private:
  struct Shadow {  // of 2 bytes
    Moment writer, reader;
    bool written = false, read = false;
    bool many_warps = false, many_lanes = false;  // read since the last barrier
  };
  void check_range(std::size_t offset, std::size_t bytes) const;
  std::vector<char> bytes_;
  std::vector<Shadow> shadows_;
};

}  // namespace longspan::emulator
