#pragma once

#include <string>
#include <vector>

namespace longspan::report {

/// How a line is drawn.
struct Look {
  const char* colour;  ///< "#rrggbb"
  int marker;          ///< gnuplot's point type
  const char* dashes;  ///< "" or gnuplot's on, off, ... lengths
};

/// Returns the looks of a page's lines by the method of each. The first line of a method looks the
/// same on every page, and alibi, sinusoidal, rotary and t5 share their colours with no other
/// method; the colours are Okabe and Ito's. Further lines of a method differ in marker and dashes.
/// Where all lines are of one method they differ in colour too, from the method's own on.
std::vector<Look> looks_of(const std::vector<std::string>& methods);

}  // namespace longspan::report
