// The end of a scheduler's job, which is known from its beginning.

#include "train/job_end.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

constexpr char kVariable[] = "SLURM_JOB_END_TIME";
constexpr std::chrono::duration<double> kForTheSave{120.0};

std::int64_t seconds_of(const std::string& text) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [last, failure] = std::from_chars(text.data(), end, seconds);
  check(failure == std::errc() && last == end && seconds > 0, ErrorKind::Config,
        "the environment variable ", kVariable, " must be seconds since 1970, got '", text, "'");
  return seconds;
}

}  // namespace

std::optional<std::chrono::steady_clock::time_point> stop_before_job_end(
    const EnvironmentLookup& lookup) {
  using std::chrono::system_clock, std::chrono::steady_clock;
  const auto text = lookup(kVariable);
  if (!text) return std::nullopt;
  const std::chrono::duration<double> left =
      std::chrono::duration<double>(static_cast<double>(seconds_of(*text))) -
      system_clock::now().time_since_epoch();
  if (left.count() <= 0.0) {
    log::warn(concat(kVariable, " is past, so the run does not stop before it"),
              {{"value", *text}});
    return std::nullopt;
  }
  const auto training = left - std::min(kForTheSave, left / 10.0);
  log::info("the job ends", {{"seconds_left", static_cast<std::int64_t>(left.count())},
                             {"training_seconds", static_cast<std::int64_t>(training.count())}});
  // Further than a clock can count, and than a run lasts.
  constexpr std::chrono::duration<double> kYears{1e9};
  return steady_clock::now() +
         std::chrono::duration_cast<steady_clock::duration>(std::min(training, kYears));
}

}  // namespace longspan
