// The result: perplexity by method and length, as a table and as a plot.
#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"
#include "report/svg.h"

namespace longspan::report {
namespace {

constexpr const char* kTimes = "\u00d7";

// NaN when the curve was not evaluated at its trained length.
double ratio_to_trained(const Curve& curve, const CurvePoint& point) {
  const CurvePoint* trained = curve.at(curve.train_length);
  return trained == nullptr ? std::nan("") : point.mean / trained->mean;
}

double lowest_at(const Comparison& comparison, std::int64_t length) {
  double lowest = std::nan("");
  for (const Curve& curve : comparison.curves)
    if (const CurvePoint* point = curve.at(length)) lowest = std::fmin(lowest, point->mean);
  return lowest;
}

std::string range_text(double low, double high) {
  return escape(perplexity(low)) + kDash + escape(perplexity(high));
}

TableCell result_cell(const Comparison& comparison, const Curve& curve, std::int64_t length) {
  TableCell cell{"", length == curve.train_length ? "number trained" : "number"};
  const CurvePoint* point = curve.at(length);
  if (point == nullptr) return {kDash, cell.css_class};
  if (comparison.curves.size() > 1 && point->mean == lowest_at(comparison, length))
    cell.css_class += " lowest";
  cell.html = "<b>" + escape(perplexity(point->mean)) + "</b>";
  if (point->interval)
    cell.html += "<small>" + range_text(point->interval->low, point->interval->high) + "</small>";
  const double relative = ratio_to_trained(curve, *point);
  if (length == curve.train_length)
    cell.html += "<small>trained</small>";
  else if (std::isfinite(relative))
    cell.html += concat("<small>", kTimes, ratio(relative), "</small>");
  if (point->high > point->low)
    cell.html += "<small>seeds " + range_text(point->low, point->high) + "</small>";
  return cell;
}

std::string row_name(const Curve& curve) {
  std::string name = swatch(curve.look) + escape(curve.label);
  if (curve.runs.size() > 1) name += concat("<small>mean of ", curve.runs.size(), " seeds</small>");
  return name;
}

Table result_table(const Comparison& comparison) {
  Table table{{{"method", ""}}, {}, "results"};
  for (const std::int64_t length : comparison.lengths) {
    std::string head = grouped(length);
    if (comparison.train_lengths.size() == 1)
      head += "<small>" +
              scaled(static_cast<double>(length) /
                     static_cast<double>(comparison.train_lengths.front())) +
              kTimes + "</small>";
    table.header.push_back({head, "number"});
  }
  for (const Curve& curve : comparison.curves) {
    table.rows.push_back({{row_name(curve), ""}});
    for (const std::int64_t length : comparison.lengths)
      table.rows.back().push_back(result_cell(comparison, curve, length));
  }
  return table;
}

std::string differences_note(const Comparison& comparison) {
  if (comparison.differences.empty()) return "";
  std::vector<std::string> texts;
  texts.reserve(comparison.differences.size());
  for (const Difference& difference : comparison.differences) texts.push_back(to_text(difference));
  return "<div class=\"note\" role=\"note\"><p>These lines were not scored under one protocol, so "
         "compare "
         "them with care:</p>" +
         list(texts) + "</div>\n";
}

}  // namespace

std::string result_legend(const Comparison& comparison) {
  std::string text =
      "<p class=\"legend\">Columns: length of the evaluated window in tokens. Shaded: the trained "
      "length. \u00d7: ratio to the same method at its trained length.";
  if (comparison.curves.size() > 1) text += " Bold: lowest of the column.";
  const auto repeated = [](const Curve& curve) { return curve.runs.size() > 1; };
  if (std::any_of(comparison.curves.begin(), comparison.curves.end(), repeated))
    text += " seeds: the lowest and the highest one.";
  const auto has_interval = [](const Curve& curve) {
    return std::any_of(curve.points.begin(), curve.points.end(),
                       [](const CurvePoint& point) { return point.interval.has_value(); });
  };
  if (std::any_of(comparison.curves.begin(), comparison.curves.end(), has_interval))
    text +=
        " Below a perplexity its 95 % interval: of the block bootstrap over contiguous segments of "
        "the text, or 1.96 standard errors on each side where the result is older. All lines share "
        "the text, so their differences are surer than the intervals say.";
  return text + "</p>\n";
}

std::string result_section(const Comparison& comparison, const DrawnFigure& drawn,
                           const std::string& legend_html) {
  return "<section>\n<h2>Perplexity on " + escape(comparison.split) + ", " +
         escape(mode_words(comparison.mode)) + "</h2>\n" + differences_note(comparison) +
         to_html(result_table(comparison)) + legend_html + figure_html(drawn) + "</section>\n";
}

}  // namespace longspan::report
