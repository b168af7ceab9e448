#include "train/guard.h"

#include "longspan/core/error.h"

namespace longspan {

GuardAction Guard::allowed(GuardAction action) {
  if (action == GuardAction::Skip && state_.skips_in_a_row >= config_.max_skips)
    return GuardAction::Stop;
  ++state_.skips_in_a_row;
  return action;
}

std::string Guard::reason_to_stop() const {
  return concat(" after ", state_.skips_in_a_row,
                " updates skipped in a row (train.guard.max_skips)");
}

GuardAction Guard::judge_non_finite() { return allowed(config_.non_finite); }

}  // namespace longspan
