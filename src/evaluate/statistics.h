#pragma once

#include <cstdint>
#include <vector>

#include "longspan/evaluate/protocol.h"

namespace longspan {

/// Returns the standard error of the mean of losses that follow each other in a text and so are not
/// independent: from the means of contiguous segments of min(1024, n / 16) losses, at least 1. The
/// segments depend on the number of losses alone, so that all cells of a curve use the same. NaN
/// for fewer than two losses.
double standard_error(const std::vector<double>& losses);

/// Mean losses by how much context the targets had; NaN where there is no such target.
struct LossByContext {
  double early = 0.0;  ///< less than half the trained length
  double full = 0.0;   ///< at least the trained length
};
/// @param windows of make_windows(); target i of a window sees i - context_begin + 1 tokens
LossByContext loss_by_context(const std::vector<double>& losses, const std::vector<Window>& windows,
                              std::int64_t train_length);

}  // namespace longspan
