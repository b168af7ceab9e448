// The train.guard section.

#include "longspan/run/guard_config.h"

#include <array>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::array kNonFinite{config::Choice{"stop", GuardAction::Stop},
                                config::Choice{"skip", GuardAction::Skip},
                                config::Choice{"rollback", GuardAction::Rollback}};
constexpr std::array kSpike{
    config::Choice{"off", GuardAction::Off}, config::Choice{"stop", GuardAction::Stop},
    config::Choice{"skip", GuardAction::Skip}, config::Choice{"rollback", GuardAction::Rollback}};
constexpr config::IntegerRange kCount{.low = 1, .high = 1 << 20};

void refuse(const config::Reader& reader, const char* key, const char* condition) {
  check(!reader.has(key), ErrorKind::Config, reader.place(key), " must be given with ", condition,
        " only");
}

void read_spike(const config::Reader& reader, GuardConfig& result) {
  result.spike = config::choice(reader, "spike", kSpike, result.spike);
  if (result.spike == GuardAction::Off) {
    for (const char* key : {"spike_window_steps", "spike_deviations", "spike_factor"})
      refuse(reader, key, "a spike that is not off");
    return;
  }
  // All losses of the window are in every checkpoint.
  result.spike_window_steps =
      reader.integer("spike_window_steps", {.low = 2, .high = 4096}, result.spike_window_steps);
  result.spike_deviations =
      reader.number("spike_deviations", {.low = 0.0}, result.spike_deviations);
  result.spike_factor = reader.number("spike_factor", {.low = 0.0}, result.spike_factor);
  check(result.spike_factor == 0.0 || result.spike_factor > 1.0, ErrorKind::Config,
        reader.place("spike_factor"), " must be 0 or above 1, got ", result.spike_factor);
  check(result.spike_deviations > 0.0 || result.spike_factor > 0.0, ErrorKind::Config,
        reader.place(), " must have a spike_deviations or a spike_factor above 0, got 0 for both");
}

}  // namespace

GuardConfig read_guard_config(const config::Reader& reader) {
  GuardConfig result;
  result.non_finite = config::choice(reader, "non_finite", kNonFinite, result.non_finite);
  read_spike(reader, result);
  if (result.may(GuardAction::Skip))
    result.max_skips = reader.integer("max_skips", kCount, result.max_skips);
  else
    refuse(reader, "max_skips", "non_finite or spike skip");
  if (result.may(GuardAction::Rollback))
    result.max_rollbacks = reader.integer("max_rollbacks", kCount, result.max_rollbacks);
  else
    refuse(reader, "max_rollbacks", "non_finite or spike rollback");
  reader.finish();
  return result;
}

}  // namespace longspan
