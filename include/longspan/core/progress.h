#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace longspan {

/// Returns seconds as "1:02:03" or "2:03".
std::string clock_text(double seconds);

/// Tells how far work on bytes has come: on a terminal in a live line, elsewhere, and in the log's
/// file, in an info line each half minute.
class ByteProgress {
 public:
  /// @param what begins the lines  @param total_bytes of the whole work, as far as is known
  ByteProgress(std::string what, std::int64_t total_bytes,
               std::chrono::milliseconds between_lines = std::chrono::seconds(30));
  /// Takes the live line away.
  ~ByteProgress();
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;

  /// Says that some more bytes are done. For one thread at a time; it costs a look at the clock.
  void add(std::int64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;
  std::string text(Clock::time_point now) const;

  const std::string what_;
  const std::int64_t total_bytes_;
  const std::chrono::milliseconds between_lines_;
  std::int64_t done_bytes_ = 0;
  Clock::time_point start_ = Clock::now(), shown_ = start_, told_ = start_;
};

}  // namespace longspan
