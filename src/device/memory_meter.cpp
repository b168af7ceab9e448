// Listens to the allocators in the way LibTorch's profiler does.

#include "longspan/device/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <memory>
#include <mutex>

namespace longspan {
namespace {

class Meter final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t,
                         c10::Device) override {
    const std::lock_guard lock(mutex_);
    held_ += bytes;  // negative when memory is given back
    peak_ = std::max(peak_, held_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t peak() const { return peak_; }

 private:
  std::mutex mutex_;
  std::int64_t held_ = 0, peak_ = 0;
};

}  // namespace

std::int64_t peak_tensor_bytes(const std::function<void()>& work) {
  const auto meter = std::make_shared<Meter>();
  {
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
    work();
  }
  return meter->peak();
}

}  // namespace longspan
