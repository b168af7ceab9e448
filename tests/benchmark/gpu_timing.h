#pragma once

#include <ATen/cuda/Sleep.h>
#include <c10/core/Event.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace longspan::benchmark {

struct GpuTime {
  double milliseconds = 0.0;        ///< median
  bool has_waited_for_cpu = false;  ///< the GPU had begun before all calls were in its queue
};

/// Times calls on the first GPU's current stream, each between two events of the stream. The GPU
/// spins while the CPU fills the queue, so that launches do not count.
inline GpuTime gpu_time(const std::function<void()>& call) {
  constexpr int kWarmUp = 3, kCalls = 20;
  constexpr std::int64_t kSpinCycles = 40'000'000;  // some 20 ms
  const auto* const gpu = c10::impl::getDeviceGuardImpl(c10::kCUDA);
  const c10::Stream stream = gpu->getStream({c10::kCUDA, 0});
  for (int i = 0; i < kWarmUp; ++i) call();
  gpu->synchronizeStream(stream);
  std::vector<c10::Event> events;
  for (int i = 0; i <= kCalls; ++i)
    events.emplace_back(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
  at::cuda::sleep(kSpinCycles);
  events.front().record(stream);
  for (int i = 0; i < kCalls; ++i) {
    call();
    events[std::size_t(i) + 1].record(stream);
  }
  const bool has_begun = events.front().query();
  gpu->synchronizeStream(stream);
  std::vector<double> times;
  for (std::size_t i = 1; i < events.size(); ++i)
    times.push_back(events[i - 1].elapsedTime(events[i]));
  std::ranges::sort(times);
  return {times[times.size() / 2], has_begun};
}

}  // namespace longspan::benchmark
