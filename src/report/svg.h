#pragma once

#include <string>

#include "report/figure.h"

namespace longspan::report {

/// An SVG image as a file and as part of a page.
struct Svg {
  std::string file;
  std::string inline_element;  ///< scales to the width it is given; its colours are the style
                               ///< sheet's to change
};

/// Draws a figure. @throws Error(Config) without gnuplot
Svg draw_svg(const Figure& figure);
/// Draws a figure at twice its size. @throws Error(Config) without gnuplot
std::string draw_png(const Figure& figure);

/// Cleans gnuplot's SVG: colours as #rrggbb, ids that differ between figures, no empty groups or
/// tool tips.
std::string clean_svg(std::string svg, const std::string& figure_name);

}  // namespace longspan::report
