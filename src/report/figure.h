#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "report/axis.h"
#include "report/evaluation.h"
#include "report/look.h"

namespace longspan::report {

struct PlotPoint {
  double x = 0.0;
  double y = 0.0;  ///< NaN leaves a gap
  double low = 0.0;
  double high = 0.0;
  std::optional<Interval> interval = std::nullopt;  ///< y's, drawn as a whisker
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
  std::string x_name;   ///< of an x, before its number: "length"
  int width = 960;
  int height = 520;
  Axis x;
  Axis y;
  std::vector<Tick> marks;  ///< vertical lines
  std::vector<Series> series;
};

/// Returns the numbers of a figure, as FORMAT.md says.
Json to_json(const Figure& figure);
/// Returns what the page's script needs of a figure: for x and y lowest, highest and whether the
/// axis is logarithmic, and the series, a point as [x, y], with [low, high] and then the interval's
/// ends behind it where it has them (null for low and high where only the latter are there).
Json to_page_json(const Figure& figure);

/// Returns the gnuplot script that writes the figure's PNG image to standard output.
std::string plot_script(const Figure& figure);

}  // namespace longspan::report
