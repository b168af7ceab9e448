// The clock of a device that is a queue of milliseconds, behind LibTorch's interface to devices.

#include "longspan/device/event_clock.h"

#include <ATen/core/ivalue.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <array>
#include <utility>

#include "support/torch_catch.h"

namespace longspan {
namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;
const c10::Device kDevice{kType, 0};

struct Queue {
  double milliseconds = 0.0;  // of the work that it was handed
};
std::array<Queue, 3> g_streams;
c10::StreamId g_current = 0;
int g_waits = 0, g_events = 0;

struct RecordedEvent {
  double milliseconds = 0.0;
  bool keeps_time = false;
};

struct QueueDevice final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return stream(g_current); }
  c10::Stream exchangeStream(c10::Stream next) const override {
    return stream(std::exchange(g_current, next.id()));
  }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void** event, const c10::Stream& on, c10::DeviceIndex,
              c10::EventFlag flag) const override {
    ++g_events;
    *event = new RecordedEvent{queue(on).milliseconds, flag == c10::EventFlag::BACKEND_DEFAULT};
  }
  void destroyEvent(void* event, c10::DeviceIndex) const noexcept override {
    --g_events;
    delete static_cast<RecordedEvent*>(event);
  }
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override { ++g_waits; }
  void synchronizeStream(const c10::Stream&) const override { ++g_waits; }
  double elapsedTime(void* from, void* to, c10::DeviceIndex) const override {
    const auto &one = event_of(from), &other = event_of(to);
    if (!one.keeps_time || !other.keeps_time) throw std::logic_error("an event without a time");
    return other.milliseconds - one.milliseconds;
  }
  void block(void* event, const c10::Stream& waiting) const override {
    double& there = queue(waiting).milliseconds;
    there = std::max(there, event_of(event).milliseconds);
  }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(2); }

  static RecordedEvent& event_of(void* event) { return *static_cast<RecordedEvent*>(event); }
  static Queue& queue(const c10::Stream& of) {
    return g_streams.at(static_cast<std::size_t>(of.id()));
  }
  static c10::Stream stream(c10::StreamId id) {
    return c10::Stream(c10::Stream::UNSAFE, kDevice, id);
  }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, QueueDevice)

double milliseconds(Timeline::Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

TEST_CASE("a device's times are its own, on the host's time line, and no mark waits") {
  g_streams = {};
  {
    const auto clock = make_device_clock(kDevice);
    CHECK(clock->mark() == 0);
    g_streams[0].milliseconds += 30.0;  // handed over, not waited for
    CHECK(clock->mark() == 1);
    {
      // As a collective on a stream of its own, which began at 10 ms.
      const c10::StreamGuard guard(QueueDevice::stream(1));
      g_streams[1].milliseconds = 10.0;
      CHECK(clock->mark() == 2);
      g_streams[1].milliseconds += 55.0;
      CHECK(clock->mark() == 3);
    }
    g_streams[0].milliseconds = 70.0;
    CHECK(clock->mark() == 4);
    CHECK(g_waits == 0);
    CHECK(g_events == 5);
    const auto before = Timeline::Clock::now();
    const auto times = clock->read();
    const auto after = Timeline::Clock::now();
    CHECK(g_waits > 0);
    REQUIRE(times.size() == 5);
    const std::array<double, 5> right{0.0, 30.0, 10.0, 65.0, 70.0};
    for (std::size_t i = 0; i < right.size(); ++i)
      CHECK(std::abs(milliseconds(times[i] - times[0]) - right[i]) < 1e-3);
    CHECK(times[4] >= before);
    CHECK(times[4] <= after);
  }
  CHECK(g_events == 0);
}

// c10d's NCCL fills its future when the work is queued, under the work's own stream; see
// ATen/core/ivalue_inl.h.
TEST_CASE("what a future of a device calls at once is marked behind the work") {
  g_streams = {};
  g_waits = 0;
  const auto clock = make_device_clock(kDevice);
  g_streams[0].milliseconds = 5.0;
  clock->mark();
  const auto storage = c10::make_intrusive<c10::StorageImpl>(
      c10::StorageImpl::use_byte_size_t(), 0, c10::DataPtr(nullptr, kDevice), nullptr, false);
  const auto future = c10::make_intrusive<c10::ivalue::Future>(c10::NoneType::get(),
                                                               std::vector<c10::Device>{kDevice});
  {
    const c10::StreamGuard guard(QueueDevice::stream(1));
    g_streams[1].milliseconds = 45.0;  // to which the work takes
    future->markCompleted({}, std::vector{c10::weak_intrusive_ptr<c10::StorageImpl>(storage)});
  }
  bool called = false;
  const auto told = future->then(
      [&](c10::ivalue::Future&) -> c10::IValue {
        called = true;
        clock->mark();
        return {};
      },
      c10::NoneType::get());
  CHECK(called);
  CHECK(g_current == 0);
  g_streams[0].milliseconds = 20.0;
  clock->mark();
  CHECK(g_waits == 0);
  const auto times = clock->read();
  CHECK(std::abs(milliseconds(times[1] - times[0]) - 40.0) < 1e-3);
  CHECK(std::abs(milliseconds(times[2] - times[0]) - 15.0) < 1e-3);
}

TEST_CASE("the CPU has no clock of its own") { CHECK(make_device_clock(c10::kCPU) == nullptr); }

}  // namespace
}  // namespace longspan
