#pragma once

#include <string>
#include <vector>

#include "report/figure.h"

namespace longspan::report {

inline constexpr double kFontSize = 14.0;
inline constexpr double kCharacterWidth = 7.8;  ///< a mean, with room to spare

/// Lines that end beyond this part of the axis are led to their names.
inline constexpr double kEdge = 0.9;

// The page's style sheet gives these colours another value in the dark.
inline constexpr const char* kTextColour = "#333a44";
inline constexpr const char* kAxisColour = "#8a929c";
inline constexpr const char* kGridColour = "#e3e6ea";
inline constexpr const char* kWarningColour = "#b54708";

/// Where the axes lie, in parts of the image from its left and its bottom.
struct Frame {
  double left, right, bottom, top;
};

/// A line's name beside its end.
struct EndLabel {
  std::size_t line;
  Look look;
  std::string text;
  double x;       ///< the end, in the data's units
  double target;  ///< the end's height, in parts of the axis
  double placed;  ///< the name's height
};

/// The size of an image, where its axes lie, and its words, a text for each line of words.
struct Layout {
  int width = 0;
  int height = 0;
  Frame frame{};
  std::vector<std::string> title;
  std::vector<std::string> warning;
  std::vector<std::string> x_title;
  std::vector<EndLabel> labels;
};

/// Returns the layout in a figure's own size, with names beside the lines' ends.
Layout wide_layout(const Figure& figure);
/// Returns the layout for a phone, which has room for the axes alone: a legend must name the lines.
Layout narrow_layout(const Figure& figure);

/// Returns whether a series has low and high values apart from its line.
bool has_band(const Series& series);
/// Returns of how many points one gets a marker.
std::size_t marker_stride(const Series& series);

}  // namespace longspan::report
