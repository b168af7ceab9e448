// The train.guard section.

#include "longspan/run/guard_config.h"

#include <array>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::array kNonFinite{config::Choice{"stop", GuardAction::Stop},
                                config::Choice{"skip", GuardAction::Skip}};
constexpr config::IntegerRange kCount{.low = 1, .high = 1 << 20};

void refuse(const config::Reader& reader, const char* key, const char* condition) {
  check(!reader.has(key), ErrorKind::Config, reader.place(key), " must be given with ", condition,
        " only");
}

}  // namespace

GuardConfig read_guard_config(const config::Reader& reader) {
  GuardConfig result;
  result.non_finite = config::choice(reader, "non_finite", kNonFinite, result.non_finite);
  if (result.non_finite == GuardAction::Skip)
    result.max_skips = reader.integer("max_skips", kCount, result.max_skips);
  else
    refuse(reader, "max_skips", "non_finite skip");
  reader.finish();
  return result;
}

}  // namespace longspan
