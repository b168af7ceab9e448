#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "report/axis.h"
#include "report/look.h"

namespace longspan::report {

struct PlotPoint {
  double x = 0.0;
  double y = 0.0;  ///< NaN leaves a gap
  double low = 0.0;
  double high = 0.0;
};

/// One drawn line. A band is drawn where low and high differ.
struct Series {
  std::size_t line = 0;  ///< index of report::Lines; labelled once
  Look look;
  std::string label;
  std::vector<std::string> runs;
  std::vector<PlotPoint> points;
};

/// A plot, complete but for how it looks.
struct Figure {
  std::string name;     ///< behind the page's name in file names
  std::string title;    ///< in the plot
  std::string caption;  ///< under it, on the page
  std::string warning;  ///< in the plot too; empty for none
  int width = 960;
  int height = 520;
  Axis x;
  Axis y;
  std::vector<Tick> marks;  ///< vertical lines
  std::vector<Series> series;
};

/// Returns the numbers of a figure, as FORMAT.md says.
Json to_json(const Figure& figure);

enum class ImageFormat { Svg, Png };
/// Returns the gnuplot script that writes the figure's image to standard output.
std::string plot_script(const Figure& figure, ImageFormat format);

}  // namespace longspan::report
