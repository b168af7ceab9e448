// Figures as SVG. The elements have their colours as attributes, which a page's style sheet
// overrides.
#include "report/svg.h"

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "report/gnuplot.h"
#include "report/html.h"
#include "report/layout.h"
#include "report/numbers.h"

namespace longspan::report {
namespace {

constexpr double kBaseline = 5.0;  // of a text, below its middle
constexpr double kTickLength = 5.0;
constexpr double kWhiskerHalf = 4.0;  // half the width of an interval's end
constexpr double kTickGap = 8.0;      // least distance of the labels of an axis
constexpr double kFarthest = 100.0;   // in axes: numbers beyond it are drawn as if they were there

std::string pixels(double value) { return fixed(value, 1); }

std::string point_text(double x, double y) { return pixels(x) + " " + pixels(y); }

double width_of(const std::string& words) {
  return kCharacterWidth * static_cast<double>(words.size());
}

std::string text_element(const std::string& words, double x, double y, const char* anchor,
                         const char* colour) {
  return concat("<text x=\"", pixels(x), "\" y=\"", pixels(y), "\" text-anchor=\"", anchor,
                "\" fill=\"", colour, "\">", escape(words), "</text>\n");
}

std::string path(const std::string& course, const char* colour, const std::string& more) {
  return concat("<path d=\"", course, "\" stroke=\"", colour, "\" ", more, "/>\n");
}

// The shapes of looks_of()'s markers around a place; `half` is half their width.
std::string marker(const Look& look, double x, double y, double half) {
  const std::string fill = concat(" fill=\"", look.colour, "\"/>");
  const std::string outline =
      concat(" fill=\"none\" stroke-width=\"1.4\" stroke=\"", look.colour, "\"/>");
  const auto at = [&](double dx, double dy) { return point_text(x + half * dx, y + half * dy); };
  const auto square = [&] {
    return concat("<rect x=\"", pixels(x - half), "\" y=\"", pixels(y - half), "\" width=\"",
                  pixels(2 * half), "\" height=\"", pixels(2 * half), "\"");
  };
  const auto circle = [&] {
    return concat("<circle cx=\"", pixels(x), "\" cy=\"", pixels(y), "\" r=\"", pixels(half), "\"");
  };
  switch (look.marker) {
    case 4:
      return square() + outline;
    case 5:
      return square() + fill;
    case 6:
      return circle() + outline;
    case 9:
      return concat("<path d=\"M", at(0, -1.25), " L", at(1.25, 1), " L", at(-1.25, 1), " z\"",
                    fill);
    case 11:
      return concat("<path d=\"M", at(0, 1.25), " L", at(1.25, -1), " L", at(-1.25, -1), " z\"",
                    fill);
    case 13:
      return concat("<path d=\"M", at(0, -1.4), " L", at(1.4, 0), " L", at(0, 1.4), " L",
                    at(-1.4, 0), " z\"", fill);
    default:
      return circle() + fill;
  }
}

// One image: where values lie in it, and its parts.
class Canvas {
 public:
  Canvas(const Figure& figure, const Layout& layout, std::string clip)
      : figure_(figure),
        layout_(layout),
        clip_(std::move(clip)),
        left_(layout.frame.left * layout.width),
        right_(layout.frame.right * layout.width),
        top_((1.0 - layout.frame.top) * layout.height),
        bottom_((1.0 - layout.frame.bottom) * layout.height) {}

  std::string frame() const { return point_text(left_, top_) + " " + point_text(right_, bottom_); }

  std::string draw() const {
    std::string svg = concat(
        "<g font-family=\"sans-serif\" font-size=\"", kFontSize, "\">\n", "<rect width=\"",
        layout_.width, "\" height=\"", layout_.height, "\" fill=\"#ffffff\"/>\n<clipPath id=\"",
        clip_, "\"><rect x=\"", pixels(left_), "\" y=\"", pixels(top_), "\" width=\"",
        pixels(right_ - left_), "\" height=\"", pixels(bottom_ - top_), "\"/></clipPath>\n");
    svg += axes() + words() + marks();
    for (const Series& series : figure_.series)
      if (has_band(series)) svg += in_group(series.line, band(series));
    for (const Series& series : figure_.series) svg += in_group(series.line, line(series));
    for (const EndLabel& label : layout_.labels) svg += in_group(label.line, end_label(label));
    return svg + "</g>\n";
  }

 private:
  double x_of(double value) const { return left_ + (right_ - left_) * figure_.x.fraction(value); }
  double height_at(double fraction) const { return bottom_ - (bottom_ - top_) * fraction; }
  double y_of(double value) const {
    const double fraction = figure_.y.fraction(value);  // NaN stays NaN
    return height_at(std::clamp(fraction, -kFarthest, kFarthest));
  }
  bool is_drawn(const PlotPoint& point) const {
    return std::isfinite(point.y) && std::isfinite(figure_.y.fraction(point.y));
  }

  std::string in_group(std::size_t index, const std::string& content) const {
    return concat("<g data-line=\"", index, "\">\n", content, "</g>\n");
  }

  std::string axes() const {
    std::string grid,
        ticks = concat("M", point_text(left_, top_), " V", pixels(bottom_), " H", pixels(right_));
    std::string labels;
    for (const Tick& tick : figure_.y.ticks) {
      const double y = y_of(tick.value);
      grid += concat("M", point_text(left_, y), " H", pixels(right_), " ");
      ticks += concat(" M", point_text(left_, y), " h", pixels(kTickLength));
      labels += text_element(tick.label, left_ - 6.0, y + kBaseline, "end", kTextColour);
    }
    double free_from = -1.0;  // where the next label may begin
    for (const Tick& tick : figure_.x.ticks) {
      const double x = x_of(tick.value);
      ticks += concat(" M", point_text(x, bottom_), " v-", pixels(kTickLength));
      labels += x_label(tick, x, free_from);
    }
    return path(grid, kGridColour, "fill=\"none\"") + path(ticks, kAxisColour, "fill=\"none\"") +
           labels;
  }

  // A label that has room, of one row or two.
  std::string x_label(const Tick& tick, double x, double& free_from) const {
    const std::size_t line_break = std::min(tick.label.find('\n'), tick.label.size());
    const std::string first = tick.label.substr(0, line_break);
    const std::string second =
        line_break < tick.label.size() ? tick.label.substr(line_break + 1) : "";
    const double half = width_of(first) / 2;
    if (x - half < free_from) return "";
    free_from = x + half + kTickGap;
    std::string labels = text_element(first, x, bottom_ + 20.0, "middle", kTextColour);
    if (!second.empty()) labels += text_element(second, x, bottom_ + 38.0, "middle", kTextColour);
    return labels;
  }

  std::string words() const {
    std::string all;
    double y = 16.0 + kBaseline;
    for (const std::string& row : layout_.title) {
      all += text_element(row, 4.0, y, "start", kTextColour);
      y += 20.0;
    }
    for (const std::string& row : layout_.warning) {
      all += text_element(row, 4.0, y, "start", kWarningColour);
      y += 20.0;
    }
    y = layout_.height - 9.0 - 20.0 * static_cast<double>(layout_.x_title.size() - 1);
    for (const std::string& row : layout_.x_title) {
      all += text_element(row, kept_inside((left_ + right_) / 2, row), y, "middle", kTextColour);
      y += 20.0;
    }
    return all;
  }

  // Where the middle of a text must be so that it is in the image.
  double kept_inside(double x, const std::string& words) const {
    const double half = width_of(words) / 2;
    return std::max(half, std::min(x, layout_.width - half));
  }

  std::string marks() const {
    std::string all;
    double free_from = -1.0;
    for (const Tick& mark : figure_.marks) {
      const double x = x_of(mark.value);
      all += path(concat("M", point_text(x, bottom_), " V", pixels(top_)), kAxisColour,
                  "fill=\"none\" stroke-width=\"1.5\" stroke-dasharray=\"2,4\"");
      const double middle = kept_inside(x, mark.label), half = width_of(mark.label) / 2;
      if (middle - half < free_from) continue;
      free_from = middle + half + kTickGap;
      all += text_element(mark.label, middle, top_ - 7.0, "middle", kTextColour);
    }
    return all;
  }

  // A polygon for each stretch without a gap.
  std::string band(const Series& series) const {
    std::string all, there, back;
    const auto close = [&] {
      if (!there.empty())
        all += concat("<path d=\"M", there.substr(2), back, " z\" fill=\"", series.look.colour,
                      "\" fill-opacity=\"0.18\" clip-path=\"url(#", clip_, ")\"/>\n");
      there = back = "";
    };
    for (const PlotPoint& point : series.points) {
      const double x = x_of(point.x), low = y_of(point.low), high = y_of(point.high);
      if (!is_drawn(point) || !std::isfinite(low) || !std::isfinite(high)) {
        close();
        continue;
      }
      there += " L" + point_text(x, low);
      back = " L" + point_text(x, high) + back;
    }
    close();
    return all;
  }

  std::string line(const Series& series) const {
    std::string course, markers;
    bool is_down = false;
    for (std::size_t i = 0; i < series.points.size(); ++i) {
      const PlotPoint& point = series.points[i];
      if (!is_drawn(point)) {
        is_down = false;
        continue;
      }
      const double x = x_of(point.x), y = y_of(point.y);
      course += (is_down ? "L" : "M") + point_text(x, y) + " ";
      is_down = true;
      if (i % marker_stride(series) == 0 && y >= top_ - 0.1 && y <= bottom_ + 0.1)
        markers += marker(series.look, x, y, 4.0) + "\n";
    }
    std::string more = concat("fill=\"none\" stroke-width=\"2\" clip-path=\"url(#", clip_, ")\"");
    if (*series.look.dashes != '\0')
      more += concat(" stroke-dasharray=\"", series.look.dashes, "\"");
    return whiskers(series) + path(course, series.look.colour, more) + markers;
  }

  std::string whiskers(const Series& series) const {
    std::string course;
    for (const PlotPoint& point : series.points) {
      if (!is_drawn(point) || !point.interval) continue;
      const double x = x_of(point.x), low = y_of(point.interval->low),
                   high = y_of(point.interval->high);
      if (!std::isfinite(low) || !std::isfinite(high)) continue;
      course += concat("M", point_text(x, low), " V", pixels(high));
      for (const double end : {low, high})
        course += concat(" M", point_text(x - kWhiskerHalf, end), " h", pixels(2 * kWhiskerHalf));
      course += " ";
    }
    if (course.empty()) return "";
    return path(course, series.look.colour,
                concat("class=\"whiskers\" fill=\"none\" stroke-width=\"1.2\" clip-path=\"url(#",
                       clip_, ")\""));
  }

  std::string end_label(const EndLabel& label) const {
    const double y = height_at(label.placed);
    std::string all = marker(label.look, right_ + 20.0, y, 4.0) + "\n" +
                      text_element(label.text, right_ + 30.0, y + kBaseline, "start", kTextColour);
    if (figure_.x.fraction(label.x) > kEdge)
      all += path(concat("M", point_text(x_of(label.x), height_at(label.target)), " L",
                         point_text(right_ + 12.0, y)),
                  label.look.colour, "stroke-width=\"0.7\"");
    return all;
  }

  const Figure& figure_;
  const Layout& layout_;
  const std::string clip_;
  const double left_, right_, top_, bottom_;
};

std::string root_element(const Figure& figure, const Layout& layout,
                         const std::string& attributes) {
  return concat("<svg xmlns=\"http://www.w3.org/2000/svg\" ", attributes, " viewBox=\"0 0 ",
                layout.width, " ", layout.height, "\" role=\"img\">\n<title>", escape(figure.title),
                "</title>\n");
}

std::string page_element(const Figure& figure, const Layout& layout, const std::string& form) {
  const Canvas canvas(figure, layout, concat(figure.name, "-", form, "-frame"));
  return root_element(figure, layout,
                      concat("class=\"plot ", form, "\" data-frame=\"", canvas.frame(), "\"")) +
         canvas.draw() + "</svg>\n";
}

}  // namespace

Svg draw_svg(const Figure& figure) {
  const Layout wide = wide_layout(figure);
  const std::string size = concat("width=\"", wide.width, "\" height=\"", wide.height, "\"");
  return {"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + root_element(figure, wide, size) +
              Canvas(figure, wide, figure.name + "-frame").draw() + "</svg>\n",
          page_element(figure, wide, "wide"),
          page_element(figure, narrow_layout(figure), "narrow")};
}

std::string draw_png(const Figure& figure) {
  std::string png = run_gnuplot(plot_script(figure));
  check(png.starts_with("\x89PNG"), ErrorKind::Internal, "gnuplot must write a PNG image, got ",
        png.size(), " other bytes");
  return png;
}

std::string swatch(const Look& look) {
  return concat(
      "<svg class=\"swatch\" viewBox=\"0 0 36 12\" aria-hidden=\"true\"><path d=\"M0 6 "
      "H36\" stroke-width=\"2\" stroke-dasharray=\"",
      look.dashes, "\" stroke=\"", look.colour, "\"/>", marker(look, 18, 6, 4), "</svg>");
}

}  // namespace longspan::report
