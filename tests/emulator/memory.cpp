#include "emulator/memory.h"

#include <algorithm>

#include "longspan/core/error.h"

namespace longspan::emulator {
namespace {

constexpr int kWarp = 32;
constexpr std::size_t kGrain = 2;  // bytes that one shadow stands for: no kernel splits them

// True when nothing orders an earlier access before a later one.
bool unordered(const Moment& earlier, const Moment& later) {
  if (earlier.thread == later.thread || earlier.block_epoch != later.block_epoch) return false;
  return earlier.thread / kWarp != later.thread / kWarp || earlier.warp_epoch == later.warp_epoch;
}

bool same_epochs(const Moment& a, const Moment& b) {
  return a.block_epoch == b.block_epoch && a.warp_epoch == b.warp_epoch;
}

}  // namespace

void GlobalMemory::add_input(const void* begin, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  ranges_.push_back({address, address + bytes, false, {}});
}

void GlobalMemory::add_output(void* begin, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  ranges_.push_back({address, address + bytes, true, std::vector<std::int64_t>(bytes / kGrain)});
}

void GlobalMemory::begin_launch() {
  for (Range& range : ranges_) std::ranges::fill(range.writers, 0);
}

GlobalMemory::Range& GlobalMemory::range_of(const void* address, std::size_t bytes,
                                            const char* verb) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  if (at % std::min<std::size_t>(bytes, 16) != 0)
    throw Fault{concat("a thread ", verb, " ", bytes, " bytes of global memory at an address that ",
                       "is no multiple of that")};
  for (Range& range : ranges_)
    if (at >= range.begin && at + bytes <= range.end) return range;
  throw Fault{concat("a thread ", verb, " ", bytes, " bytes outside all tensors")};
}

void GlobalMemory::check_read(const void* address, std::size_t bytes, std::int64_t thread) {
  Range& range = range_of(address, bytes, "reads");
  if (!range.is_output) return;
  const std::size_t first = (reinterpret_cast<std::uintptr_t>(address) - range.begin) / kGrain;
  for (std::size_t i = first; i < first + bytes / kGrain; ++i)
    if (range.writers[i] != 0 && range.writers[i] != thread + 1)
      throw Fault{concat("thread ", thread, " reads what thread ", range.writers[i] - 1,
                         " of the same launch wrote")};
}

void GlobalMemory::check_write(const void* address, std::size_t bytes, std::int64_t thread) {
  Range& range = range_of(address, bytes, "writes");
  if (!range.is_output) throw Fault{concat("thread ", thread, " writes into an input")};
  const std::size_t first = (reinterpret_cast<std::uintptr_t>(address) - range.begin) / kGrain;
  for (std::size_t i = first; i < first + bytes / kGrain; ++i) {
    if (range.writers[i] != 0 && range.writers[i] != thread + 1)
      throw Fault{concat("threads ", range.writers[i] - 1, " and ", thread,
                         " write the same element of an output")};
    range.writers[i] = thread + 1;
  }
}

SharedMemory::SharedMemory(std::size_t bytes) : bytes_(bytes), shadows_(bytes / kGrain) {}

void SharedMemory::begin_block() {
  std::ranges::fill(bytes_, '\xff');
  std::ranges::fill(shadows_, Shadow{});
}

void SharedMemory::check_range(std::size_t offset, std::size_t bytes) const {
  if (offset + bytes > bytes_.size())
    throw Fault{concat("an access to bytes ", offset, " to ", offset + bytes, " of ", bytes_.size(),
                       " of shared memory")};
  if (offset % bytes != 0)
    throw Fault{concat("an access to ", bytes, " bytes of shared memory at ", offset)};
}

const char* SharedMemory::read(std::size_t offset, std::size_t bytes, const Moment& moment) {
  check_range(offset, bytes);
  for (std::size_t i = offset / kGrain; i < (offset + bytes) / kGrain; ++i) {
    Shadow& shadow = shadows_[i];
    if (shadow.written && unordered(shadow.writer, moment))
      throw Fault{concat("no barrier between thread ", shadow.writer.thread, " writing and thread ",
                         moment.thread, " reading byte ", i * kGrain, " of shared memory")};
    const bool same_warp = shadow.reader.thread / kWarp == moment.thread / kWarp;
    shadow.many_warps = shadow.read && shadow.reader.block_epoch == moment.block_epoch &&
                        (shadow.many_warps || !same_warp);
    shadow.many_lanes = shadow.read && same_warp && same_epochs(shadow.reader, moment) &&
                        (shadow.many_lanes || shadow.reader.thread != moment.thread);
    shadow.reader = moment;
    shadow.read = true;
  }
  return bytes_.data() + offset;
}

char* SharedMemory::write(std::size_t offset, std::size_t bytes, const Moment& moment) {
  check_range(offset, bytes);
  for (std::size_t i = offset / kGrain; i < (offset + bytes) / kGrain; ++i) {
    Shadow& shadow = shadows_[i];
    if (shadow.written && unordered(shadow.writer, moment))
      throw Fault{concat("no barrier between threads ", shadow.writer.thread, " and ",
                         moment.thread, " writing byte ", i * kGrain, " of shared memory")};
    const bool many = (shadow.many_warps && shadow.reader.block_epoch == moment.block_epoch) ||
                      (shadow.many_lanes && same_epochs(shadow.reader, moment));
    if (many || (shadow.read && unordered(shadow.reader, moment)))
      throw Fault{concat("no barrier between thread ", shadow.reader.thread, " reading and thread ",
                         moment.thread, " writing byte ", i * kGrain, " of shared memory")};
    shadow.writer = moment;
    shadow.written = true;
    shadow.read = shadow.many_warps = shadow.many_lanes = false;
  }
  return bytes_.data() + offset;
}

}  // namespace longspan::emulator
