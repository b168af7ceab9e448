#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace longspan {

/// Returns seconds as "1:02:03" or "2:03".
std::string clock_text(double seconds);
/// Returns " | 2:03 left" of work whose share so far, 0 to 1, took some seconds; nothing before a
/// hundredth of it is done, which says little of the rest.
std::string time_left_text(double seconds, double share);

/// Tells how far work has come: on a terminal in a live line, elsewhere, and in the log's file, in
/// an info line each half minute.
class ProgressLine {
 public:
  explicit ProgressLine(std::chrono::milliseconds between_lines = std::chrono::seconds(30))
      : between_lines_(between_lines) {}
  /// Takes the live line away.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Shows the text that is asked for when it is time to. It costs a look at the clock.
  void update(const std::function<std::string()>& text);
  /// Returns the seconds since the start.
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  const std::chrono::milliseconds between_lines_;
  Clock::time_point start_ = Clock::now(), shown_ = start_, told_ = start_;
};

/// Tells how far work on bytes has come.
class ByteProgress {
 public:
  /// @param what begins the lines  @param total_bytes of the whole work, as far as is known
  ByteProgress(std::string what, std::int64_t total_bytes,
               std::chrono::milliseconds between_lines = std::chrono::seconds(30));

  /// Says that some more bytes are done. For one thread at a time; it costs a look at the clock.
  void add(std::int64_t bytes);

 private:
  std::string text() const;

  const std::string what_;
  const std::int64_t total_bytes_;
  std::int64_t done_bytes_ = 0;
  ProgressLine line_;
};

}  // namespace longspan
