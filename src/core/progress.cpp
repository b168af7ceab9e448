// Progress of long reading.
#include "longspan/core/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "core/live_line.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

constexpr std::chrono::milliseconds kBetweenLiveLines{200};

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::max(0.0, seconds)));
  char text[32];
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  return text;
}

std::string time_left_text(double seconds, double share) {
  constexpr double kLeastShare = 0.01;
  if (share < kLeastShare) return "";
  return concat(" | ", clock_text(seconds * (1.0 - share) / share), " left");
}

ProgressLine::~ProgressLine() {
  if (shown_ != start_) log::show_live("");
}

void ProgressLine::update(const std::function<std::string()>& text) {
  const Clock::time_point now = Clock::now();
  if (now - told_ >= between_lines_) {
    log::progress(text());
    told_ = shown_ = now;
  } else if (now - shown_ >= kBetweenLiveLines) {
    log::show_live(text());
    shown_ = now;
  }
}

double ProgressLine::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

ByteProgress::ByteProgress(std::string what, std::int64_t total_bytes,
                           std::chrono::milliseconds between_lines)
    : what_(std::move(what)), total_bytes_(total_bytes), line_(between_lines) {}

void ByteProgress::add(std::int64_t bytes) {
  done_bytes_ += bytes;
  line_.update([this] { return text(); });
}

std::string ByteProgress::text() const {
  const double seconds = std::max(1e-3, line_.seconds());
  const auto done = static_cast<double>(done_bytes_);
  const auto total = static_cast<double>(std::max(total_bytes_, done_bytes_));
  const double share = done / std::max(1.0, total);
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, " | %.0f %% of %.1f MB | %.1f MB/s",
                std::floor(100.0 * share), total * 1e-6, done / seconds * 1e-6);
  return concat(what_, numbers, time_left_text(seconds, share));
}

}  // namespace longspan
