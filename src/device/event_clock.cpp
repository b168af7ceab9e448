// Events of LibTorch's common interface, so that no header of CUDA is needed. What lies between two
// of them is in milliseconds of single precision.

#include "longspan/device/event_clock.h"

#include <c10/core/Event.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;

class EventClock final : public DeviceClock {
 public:
  explicit EventClock(c10::Device device) : device_(device) {}

  std::size_t mark() override {
    const std::lock_guard lock(mutex_);
    marks_.push_back(record());
    return marks_.size() - 1;
  }

  std::vector<Clock::time_point> read() override {
    const std::lock_guard lock(mutex_);
    for (const auto& mark : marks_) mark.synchronize();
    current_stream().synchronize();
    // An idle device passes the one event that both time lines have at once.
    const auto before = Clock::now();
    const c10::Event common = record();
    common.synchronize();
    const auto passed = before + (Clock::now() - before) / 2;
    std::vector<Clock::time_point> times;
    for (const auto& mark : marks_)
      times.push_back(passed -
                      std::chrono::duration_cast<Clock::duration>(
                          std::chrono::duration<double, std::milli>(mark.elapsedTime(common))));
    return times;
  }

 private:
  c10::Stream current_stream() const {
    return c10::impl::getDeviceGuardImpl(device_.type())->getStream(device_);
  }

  c10::Event record() const {
    c10::Event event(device_.type(), c10::EventFlag::BACKEND_DEFAULT);  // one that keeps its time
    event.record(current_stream());
    return event;
  }

  c10::Device device_;
  std::mutex mutex_;
  std::vector<c10::Event> marks_;
};

}  // namespace

std::unique_ptr<DeviceClock> make_device_clock(c10::Device device) {
  return device.is_cpu() ? nullptr : std::make_unique<EventClock>(device);
}

}  // namespace longspan
