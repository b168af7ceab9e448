#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/comparison.h"
#include "report/figure.h"
#include "report/reference.h"
#include "report/svg.h"

namespace longspan::report {

/// A figure with its image.
struct DrawnFigure {
  Figure figure;
  Svg svg;
};

/// The loss by context of a comparison.
struct ContextFigure {
  std::string split, mode;
  DrawnFigure drawn;
};

/// All that the page shows.
struct PageContents {
  std::vector<Run> runs;
  std::vector<Comparison> comparisons;
  std::vector<DrawnFigure> extrapolation;  ///< one for each comparison, in the same order
  std::vector<ContextFigure> contexts;
  std::vector<DrawnFigure> training;
  std::optional<ReferenceUse> reference;
  std::vector<std::string> missing;   ///< sentences
  std::vector<std::string> files;     ///< names of those beside the page
  std::optional<int> reload_seconds;  ///< the page loads itself anew so often
};

/// Returns the page: HTML that needs no other file.
std::string make_page(const PageContents& contents);

// The page's sections, in the order of the page. Each returns "" when it has nothing to show.
std::string result_section(const Comparison& comparison, const DrawnFigure& drawn,
                           const std::string& legend_html);
/// Says how to read the table of a result.
std::string result_legend(const Comparison& comparison);
std::string reference_section(const std::optional<ReferenceUse>& use,
                              const std::vector<Comparison>& comparisons);
/// Shows what longer windows gain, in its parts.
std::string gain_section(const std::vector<Comparison>& comparisons);
std::string context_section(const std::vector<ContextFigure>& figures);
/// Shows how runs differ from another one on the same targets.
std::string paired_section(const std::vector<Comparison>& comparisons);
/// Shows speed and memory by length, where the results have them.
std::string speed_section(const std::vector<Comparison>& comparisons);
/// Shows how far each head attends, where `longspan attention` left it.
std::string reach_section(const std::vector<Run>& runs);
std::string training_section(const std::vector<DrawnFigure>& figures);
std::string runs_section(const std::vector<Run>& runs);
std::string protocol_section(const std::vector<Comparison>& comparisons);
std::string cells_section(const std::vector<Comparison>& comparisons);
std::string configuration_section(const std::vector<Run>& runs);
std::string environment_section(const std::vector<Run>& runs);
/// Returns a figure with its legend, its caption and its numbers.
std::string figure_html(const DrawnFigure& drawn);
// Each returns the numbers of its section for PAGE.json.
Json gain_numbers(const Comparison& comparison);
Json paired_numbers(const Comparison& comparison);
Json reach_numbers(const std::vector<Run>& runs);
Json speed_numbers(const Comparison& comparison);

}  // namespace longspan::report
