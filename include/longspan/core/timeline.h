#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

namespace longspan {

/// Spans of time of one process, for chrome://tracing and Perfetto. Safe to use from threads.
class Timeline {
 public:
  using Clock = std::chrono::steady_clock;

  /// Where a span is drawn: a row of the picture.
  enum class Lane { Compute, Communication };

  void add(std::string name, Lane lane, Clock::time_point begin, Clock::time_point end);
  /// Writes what was added as the Trace Event Format's JSON, times in microseconds of the
  /// monotonic clock, which all processes of a host share. @throws Error(Io)
  void write(const std::filesystem::path& path, int rank) const;

 private:
  struct Span {
    std::string name;
    Lane lane;
    Clock::time_point begin, end;
  };
  mutable std::mutex mutex_;
  std::vector<Span> spans_;
};

/// Adds the span of its own life; nothing without a timeline.
class TimelineSpan {
 public:
  TimelineSpan(Timeline* timeline, std::string name, Timeline::Lane lane = Timeline::Lane::Compute)
      : timeline_(timeline), name_(std::move(name)), lane_(lane), begin_(Timeline::Clock::now()) {}
  ~TimelineSpan() {
    if (timeline_ != nullptr)
      timeline_->add(std::move(name_), lane_, begin_, Timeline::Clock::now());
  }
  TimelineSpan(const TimelineSpan&) = delete;
  TimelineSpan& operator=(const TimelineSpan&) = delete;

 private:
  Timeline* timeline_;
  std::string name_;
  Timeline::Lane lane_;
  Timeline::Clock::time_point begin_;
};

}  // namespace longspan
