#pragma once

#include <string>

#include "report/figure.h"

namespace longspan::report {

/// An SVG image as a file and as parts of a page. What belongs to a line is in groups with its
/// index, data-line; an element of a page tells where the axes lie, data-frame: left, top, right
/// and bottom in units of its view box.
struct Svg {
  std::string file;
  std::string wide;    ///< with the lines' names; class "plot wide"
  std::string narrow;  ///< without; class "plot narrow"
};

Svg draw_svg(const Figure& figure);
/// Draws a figure at twice its size. @throws Error(Config) without gnuplot
std::string draw_png(const Figure& figure);

/// Returns a piece of a line as the plots draw it.
std::string swatch(const Look& look);

}  // namespace longspan::report
