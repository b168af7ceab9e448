// LibTorch's own allocator asks the heap for each tensor. A heap that gives memory back to the
// system costs a page fault for every 4 KiB of every step, and one that keeps it is left with holes
// where sizes differ from pass to pass, as those of an adaptive vocabulary do.

#include "longspan/device/tensor_memory.h"

#include <c10/core/CPUAllocator.h>

#include "device/memory_pool.h"

namespace longspan {
namespace {

constexpr std::size_t kLeast = std::size_t{1} << 20;  // smaller tensors are the heap's

// Lives as long as the process: tensors may end after any object of static storage.
MemoryPool& pool() {
  static auto* const the_pool = new MemoryPool;
  return *the_pool;
}

c10::Allocator& heap() { return *c10::GetDefaultCPUAllocator(); }

// Of both, since an allocator has a single function that frees.
void free_tensor(void* data) {
  if (pool().give_back(data))
    c10::profiledCPUMemoryReporter().Delete(data);
  else
    heap().raw_deallocate(data);
}

class PooledAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* data = bytes < kLeast ? nullptr : pool().take(bytes);
    if (data != nullptr)
      c10::profiledCPUMemoryReporter().New(data, bytes);
    else
      data = heap().raw_allocate(bytes);  // throws where the system has no memory left
    return {data, data, &free_tensor, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_tensor; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

}  // namespace

void pool_tensor_memory() {
#if !defined(__SANITIZE_ADDRESS__)  // which sees a tensor's end in the heap alone
  static auto* const allocator = new PooledAllocator;  // as long as there are tensors
  constexpr std::uint8_t kAboveDefault = 1;
  c10::SetCPUAllocator(allocator, kAboveDefault);
#endif
}

}  // namespace longspan
