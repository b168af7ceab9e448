#pragma once

#include <optional>
#include <vector>

#include "report/comparison.h"
#include "report/figure.h"

namespace longspan::report {

/// Returns the plot of perplexity over length. @param name of the figure's files
Figure extrapolation_figure(const Comparison& comparison, const std::string& name);

/// Returns the plot of the loss over the number of tokens that a target sees, at the greatest
/// length that the most lines tell it of; nothing where no result tells it.
std::optional<Figure> context_figure(const Comparison& comparison, const std::string& name);

/// Returns the plots over training: smoothed training loss, validation loss, and validation
/// perplexity at each further length that was scored. What no run logged has no plot.
std::vector<Figure> training_figures(const std::vector<Run>& runs, const Lines& lines);

}  // namespace longspan::report
