#pragma once

#include <cstdint>
#include <vector>

#include "longspan/evaluate/measures.h"
#include "longspan/evaluate/protocol.h"

namespace longspan {

/// Returns the standard error of the mean of losses that follow each other in a text and so are not
/// independent: from the means of contiguous segments of min(1024, n / 16) losses, at least 1. The
/// segments depend on the number of losses alone, so that all cells of a curve use the same. NaN
/// for fewer than two losses.
double standard_error(const std::vector<double>& losses);

/// Returns where the mean of the losses lies by the block bootstrap (Kuensch 1989): the segments of
/// standard_error() drawn with replacement, as many as there are, 2,000 times, and the 2.5 and 97.5
/// percent points of the means. The draws depend on the number of segments alone. NaN for fewer
/// than two losses.
Interval bootstrap_interval(const std::vector<double>& losses);

/// @param windows of make_windows(); target i of a window sees i - context_begin + 1 tokens
LossByContext loss_by_context(const std::vector<double>& losses, const std::vector<Window>& windows,
                              std::int64_t train_length);

/// @param trained losses of the same targets in windows of train_length
/// @param windows of make_windows(), that gave `losses`
LengthGain length_gain(const std::vector<double>& trained, const std::vector<double>& losses,
                       const std::vector<Window>& windows, std::int64_t train_length);

}  // namespace longspan
