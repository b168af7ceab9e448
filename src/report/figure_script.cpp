// Figures as gnuplot scripts. Every range, tick and label is placed by the layout, gnuplot draws.
#include <algorithm>
#include <limits>

#include "longspan/core/error.h"
#include "report/figure.h"
#include "report/gnuplot.h"
#include "report/layout.h"
#include "report/numbers.h"

namespace longspan::report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// At twice the figure's size.
std::string terminal(const Figure& figure) {
  return concat("set terminal pngcairo size ", 2 * figure.width, ",", 2 * figure.height,
                " noenhanced font 'sans-serif,", kFontSize,
                "' fontscale 1.5 linewidth 2 pointscale 2 dashlength 2 background rgb 'white'\n");
}

// Tick labels hold no more than digits, units and a line break, which needs gnuplot's double
// quotes.
std::string ticks(const char* axis_name, const Axis& axis) {
  std::string list;
  for (const Tick& tick : axis.ticks) {
    std::string label = tick.label;
    if (const auto line_break = label.find('\n'); line_break != std::string::npos)
      label.replace(line_break, 1, "\\n");
    list += concat(list.empty() ? "" : ", ", "\"", label, "\" ", exact(tick.value));
  }
  return concat("set ", axis_name, "tics (", list, ")\n");
}

std::string axes(const Figure& figure, const Frame& frame) {
  return concat(
      "set encoding utf8\nunset key\nset border 3 lc rgb '", kAxisColour, "' lw 1\n",
      "set tics nomirror scale 0.6 textcolor rgb '", kTextColour, "'\n",
      "set grid ytics lt 1 lw 1 lc rgb '", kGridColour, "'\n", "set lmargin at screen ",
      exact(frame.left), "\nset rmargin at screen ", exact(frame.right), "\nset bmargin at screen ",
      exact(frame.bottom), "\nset tmargin at screen ", exact(frame.top), "\nset xrange [",
      exact(figure.x.low), ":", exact(figure.x.high), "]\nset yrange [", exact(figure.y.low), ":",
      exact(figure.y.high), "]\n", figure.x.logarithmic ? "set logscale x\n" : "",
      figure.y.logarithmic ? "set logscale y\n" : "", ticks("x", figure.x), ticks("y", figure.y));
}

std::string text(const std::string& words, const std::string& place, const char* colour) {
  return concat("set label ", string_literal(words), " at ", place, " textcolor rgb '", colour,
                "'\n");
}

std::string annotations(const Figure& figure, const Layout& layout) {
  const Frame& frame = layout.frame;
  const auto row = [&](double pixels) { return exact(1.0 - pixels / figure.height); };
  std::string script =
      text(layout.title.front(), concat("screen 0.004, screen ", row(16.0), " left"), kTextColour);
  if (!figure.warning.empty())
    script +=
        text(figure.warning, concat("screen 0.004, screen ", row(38.0), " left"), kWarningColour);
  script += text(figure.x.title,
                 concat("screen ", exact((frame.left + frame.right) / 2), ", screen ",
                        exact(14.0 / figure.height), " center"),
                 kTextColour);
  for (const Tick& mark : figure.marks) {
    const std::string x = exact(mark.value);
    script += concat("set arrow from ", x, ", graph 0 to ", x,
                     ", graph 1 nohead back dt (2,3) lw 1.5 lc rgb '", kAxisColour, "'\n");
    script += text(mark.label, concat(x, ", graph 1 center offset 0, char 0.7"), kTextColour);
  }
  return script;
}

std::string end_label_commands(const Figure& figure, const Layout& layout) {
  const Frame& frame = layout.frame;
  const double pixel = 1.0 / (figure.width * (frame.right - frame.left));  // in parts of the axis
  std::string script;
  for (const EndLabel& label : layout.labels) {
    const Look& look = label.look;
    const std::string height = exact(label.placed);
    script +=
        concat("set label ", string_literal(label.text), " at graph ", exact(1.0 + 20.0 * pixel),
               ", graph ", height, " left offset char 0.9, char -0.15 point pt ", look.marker,
               " ps 1.25 lc rgb '", look.colour, "' textcolor rgb '", kTextColour, "'\n");
    if (figure.x.fraction(label.x) > kEdge)
      script += concat("set arrow from ", exact(label.x), ", graph ", exact(label.target),
                       " to graph ", exact(1.0 + 12.0 * pixel), ", graph ", height,
                       " nohead lw 0.7 lc rgb '", look.colour, "'\n");
  }
  return script;
}

bool has_intervals(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(),
                     [](const PlotPoint& point) { return point.interval.has_value(); });
}

std::string data_block(const Series& series, std::size_t index) {
  std::string block = concat("$data", index, " << END\n");
  for (const PlotPoint& point : series.points)
    block += concat(exact(point.x), " ", exact(point.y), " ", exact(point.low), " ",
                    exact(point.high), " ", exact(point.interval ? point.interval->low : kNan), " ",
                    exact(point.interval ? point.interval->high : kNan), "\n");
  return block + "END\n";
}

std::string plot_command(const Figure& figure) {
  std::string bands, lines;
  for (std::size_t i = 0; i < figure.series.size(); ++i) {
    const Look& look = figure.series[i].look;
    const std::string dashes = *look.dashes == '\0' ? "1" : concat("(", look.dashes, ")");
    if (has_band(figure.series[i]))
      bands += concat("$data", i,
                      " using 1:3:4 with filledcurves fs transparent solid 0.18 noborder lc rgb '",
                      look.colour, "', ");
    if (has_intervals(figure.series[i]))
      lines += concat("$data", i, " using 1:2:5:6 with yerrorbars lw 1.2 dt 1 pt -1 lc rgb '",
                      look.colour, "', ");
    lines +=
        concat("$data", i, " using 1:2 with linespoints lw 2 dt ", dashes, " pt ", look.marker,
               " ps 0.8 pi ", marker_stride(figure.series[i]), " lc rgb '", look.colour, "', ");
  }
  return "plot " + bands + lines + "NaN\n";
}

}  // namespace

std::string plot_script(const Figure& figure) {
  const Layout layout = wide_layout(figure);
  std::string script = terminal(figure) + axes(figure, layout.frame) + annotations(figure, layout) +
                       end_label_commands(figure, layout);
  for (std::size_t i = 0; i < figure.series.size(); ++i) script += data_block(figure.series[i], i);
  return script + plot_command(figure);
}

}  // namespace longspan::report
