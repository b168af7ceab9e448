// Figures as gnuplot scripts. Every range, tick and label is placed here: the names of the lines
// stand beside their ends, so that no legend has to be matched by colour.
#include <algorithm>
#include <array>
#include <cmath>

#include "longspan/core/error.h"
#include "report/figure.h"
#include "report/gnuplot.h"
#include "report/numbers.h"

namespace longspan::report {
namespace {

// The page's style sheet gives these colours another value in the dark.
constexpr const char* kTextColour = "#333a44";
constexpr const char* kAxisColour = "#8a929c";
constexpr const char* kGridColour = "#e3e6ea";
constexpr const char* kWarningColour = "#b54708";

constexpr double kFontSize = 14.0;
constexpr double kCharacterWidth = 7.8;  // a mean, with room to spare
constexpr double kLabelGap = 19.0;       // least distance of line names
constexpr std::size_t kMaxLabel = 48;
constexpr std::size_t kMaxTitle = 120;

// Where the axes lie, in parts of the image.
struct Frame {
  double left, right, bottom, top;
};

// A line's name beside its end.
struct EndLabel {
  std::size_t line;
  Look look;
  std::string text;
  double x, y;    // the end, in the data's units
  double target;  // the end's height, in parts of the axis
  double placed;  // the name's height
};

// Cuts a long name in the middle, between characters: what tells names apart is at the ends.
std::string shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  std::size_t head = most / 2, tail = text.size() - most / 2 + 3;
  while (continues(head)) --head;
  while (continues(tail)) ++tail;
  return text.substr(0, head) + "..." + text.substr(tail);
}

std::vector<EndLabel> end_labels(const Figure& figure) {
  std::vector<EndLabel> labels;
  for (const Series& series : figure.series) {
    const auto same = [&](const EndLabel& label) { return label.line == series.line; };
    if (std::any_of(labels.begin(), labels.end(), same)) continue;
    const auto last = std::find_if(series.points.rbegin(), series.points.rend(),
                                   [](const PlotPoint& point) { return std::isfinite(point.y); });
    if (last == series.points.rend()) continue;
    const double height = std::clamp(figure.y.fraction(last->y), 0.0, 1.0);
    labels.push_back({series.line, series.look, shortened(series.label, kMaxLabel), last->x,
                      last->y, height, height});
  }
  return labels;
}

// Moves names apart until they are `gap` from each other, as little as that takes.
void spread(std::vector<EndLabel>& labels, double gap) {
  if (labels.empty()) return;
  gap = std::min(gap, 1.0 / static_cast<double>(labels.size()));
  std::sort(labels.begin(), labels.end(),
            [](const EndLabel& a, const EndLabel& b) { return a.target < b.target; });
  for (int pass = 0; pass < 50; ++pass)
    for (std::size_t i = 1; i < labels.size(); ++i) {
      const double lacking = gap - (labels[i].placed - labels[i - 1].placed);
      if (lacking <= 0.0) continue;
      labels[i].placed += lacking / 2;
      labels[i - 1].placed -= lacking / 2;
    }
  const double over = labels.back().placed - 1.0;
  for (std::size_t i = labels.size(); over > 0.0 && i-- > 0;)
    labels[i].placed =
        std::min(labels[i].placed, 1.0 - gap * static_cast<double>(labels.size() - 1 - i));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i].placed = std::max(labels[i].placed, gap * static_cast<double>(i));
}

Frame frame_of(const Figure& figure, const std::vector<EndLabel>& labels) {
  std::size_t longest_label = 0, longest_tick = 0;
  for (const EndLabel& label : labels) longest_label = std::max(longest_label, label.text.size());
  for (const Tick& tick : figure.y.ticks) longest_tick = std::max(longest_tick, tick.label.size());
  const double left = 18.0 + kCharacterWidth * static_cast<double>(longest_tick);
  const double right = 40.0 + kCharacterWidth * static_cast<double>(longest_label);
  const bool two_rows =
      !figure.x.ticks.empty() && figure.x.ticks.front().label.find('\n') != std::string::npos;
  const double bottom = two_rows ? 84.0 : 60.0;
  const double top =
      36.0 + (figure.marks.empty() ? 0.0 : 20.0) + (figure.warning.empty() ? 0.0 : 20.0);
  return {left / figure.width, 1.0 - right / figure.width, bottom / figure.height,
          1.0 - top / figure.height};
}

std::string terminal(const Figure& figure, ImageFormat format) {
  const std::string font = concat(" noenhanced font 'sans-serif,", kFontSize, "'");
  if (format == ImageFormat::Svg)
    return concat("set terminal svg size ", figure.width, ",", figure.height, font,
                  " background rgb 'white'\n");
  return concat("set terminal pngcairo size ", 2 * figure.width, ",", 2 * figure.height, font,
                " fontscale 1.5 linewidth 2 pointscale 2 dashlength 2 background rgb 'white'\n");
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

std::string annotations(const Figure& figure, const Frame& frame) {
  const auto row = [&](double pixels) { return exact(1.0 - pixels / figure.height); };
  std::string script = text(shortened(figure.title, kMaxTitle),
                            concat("screen 0.004, screen ", row(16.0), " left"), kTextColour);
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

std::string end_label_commands(const Figure& figure, const Frame& frame,
                               const std::vector<EndLabel>& labels, ImageFormat format) {
  const char* size =
      format == ImageFormat::Svg ? "0.9" : "1.25";  // of markers; a PNG's are not scaled
  const double pixel = 1.0 / (figure.width * (frame.right - frame.left));  // in parts of the axis
  std::string script;
  for (const EndLabel& label : labels) {
    const Look& look = label.look;
    const std::string height = exact(label.placed);
    script +=
        concat("set label ", string_literal(label.text), " at graph ", exact(1.0 + 20.0 * pixel),
               ", graph ", height, " left offset char 0.9, char -0.15 point pt ", look.marker,
               " ps ", size, " lc rgb '", look.colour, "' textcolor rgb '", kTextColour, "'\n");
    const bool at_the_edge = figure.x.fraction(label.x) > 0.9;
    if (at_the_edge)
      script += concat("set arrow from ", exact(label.x), ", graph ", exact(label.target),
                       " to graph ", exact(1.0 + 12.0 * pixel), ", graph ", height,
                       " nohead lw 0.7 lc rgb '", look.colour, "'\n");
  }
  return script;
}

std::string data_block(const Series& series, std::size_t index) {
  std::string block = concat("$data", index, " << END\n");
  for (const PlotPoint& point : series.points)
    block += concat(exact(point.x), " ", exact(point.y), " ", exact(point.low), " ",
                    exact(point.high), "\n");
  return block + "END\n";
}

bool has_band(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(),
                     [](const PlotPoint& point) { return point.high > point.low; });
}

std::string plot_command(const Figure& figure) {
  std::string bands, lines;
  for (std::size_t i = 0; i < figure.series.size(); ++i) {
    const Look& look = figure.series[i].look;
    const std::string dashes = *look.dashes == '\0' ? "1" : concat("(", look.dashes, ")");
    const std::size_t every = std::max<std::size_t>(1, figure.series[i].points.size() / 10);
    if (has_band(figure.series[i]))
      bands += concat("$data", i,
                      " using 1:3:4 with filledcurves fs transparent solid 0.18 noborder lc rgb '",
                      look.colour, "', ");
    lines += concat("$data", i, " using 1:2 with linespoints lw 2 dt ", dashes, " pt ", look.marker,
                    " ps 0.8 pi ", every, " lc rgb '", look.colour, "', ");
  }
  return "plot " + bands + lines + "NaN\n";
}

}  // namespace

std::string plot_script(const Figure& figure, ImageFormat format) {
  std::vector<EndLabel> labels = end_labels(figure);
  const Frame frame = frame_of(figure, labels);
  spread(labels, kLabelGap / (figure.height * (frame.top - frame.bottom)));
  std::string script = terminal(figure, format) + axes(figure, frame) + annotations(figure, frame) +
                       end_label_commands(figure, frame, labels, format);
  for (std::size_t i = 0; i < figure.series.size(); ++i) script += data_block(figure.series[i], i);
  return script + plot_command(figure);
}

}  // namespace longspan::report
