#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace longspan {

/// Tells when a device, which works on what it was handed while the host goes on, came to where.
/// Safe to use from threads.
class DeviceClock {
 public:
  virtual ~DeviceClock() = default;
  /// Puts a mark behind what the calling thread has handed to the device so far, without waiting
  /// for it. Returns the number of marks before it.
  virtual std::size_t mark() = 0;
  /// Waits until the device has passed all marks. Returns when it passed each, in their order.
  virtual std::vector<std::chrono::steady_clock::time_point> read() = 0;
};

/// Spans of time of one process, and of its device where that has a clock, for chrome://tracing and
/// Perfetto. Safe to use from threads.
class Timeline {
 public:
  using Clock = std::chrono::steady_clock;

  /// Where a span is drawn: a row of the picture, and one more of the device's own times.
  enum class Lane { Compute, Communication };

  /// Where a span begins or ends.
  struct Moment {
    Clock::time_point host;
    std::optional<std::size_t> mark = std::nullopt;  ///< of the device's clock
  };

  explicit Timeline(std::unique_ptr<DeviceClock> device = nullptr) : device_(std::move(device)) {}

  /// Returns this moment, without waiting for the device.
  Moment now() const;
  void add(std::string name, Lane lane, const Moment& begin, const Moment& end);
  /// Writes what was added as the Trace Event Format's JSON, times in microseconds of the
  /// monotonic clock, which all processes of a host share. Waits for the device. @throws Error(Io)
  void write(const std::filesystem::path& path, int rank) const;

 private:
  struct Span {
    std::string name;
    Lane lane;
    Moment begin, end;
  };
  mutable std::mutex mutex_;
  std::vector<Span> spans_;
  std::unique_ptr<DeviceClock> device_;
};

/// Adds the span of its own life; nothing without a timeline.
class TimelineSpan {
 public:
  TimelineSpan(Timeline* timeline, std::string name, Timeline::Lane lane = Timeline::Lane::Compute);
  ~TimelineSpan();
  TimelineSpan(const TimelineSpan&) = delete;
  TimelineSpan& operator=(const TimelineSpan&) = delete;

 private:
  Timeline* timeline_;
  std::string name_;
  Timeline::Lane lane_;
  Timeline::Moment begin_;
};

}  // namespace longspan
