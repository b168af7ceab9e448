// What the evaluations took: speed and memory by length.
#include <algorithm>

#include "longspan/core/error.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"

namespace longspan::report {
namespace {

bool is_measured(const CurvePoint& point) {
  return point.tokens_per_second.has_value() || point.peak_bytes.has_value();
}

bool is_measured(const Comparison& comparison) {
  return std::any_of(comparison.curves.begin(), comparison.curves.end(), [](const Curve& curve) {
    return std::any_of(curve.points.begin(), curve.points.end(),
                       [](const CurvePoint& point) { return is_measured(point); });
  });
}

TableCell cell_of(const CurvePoint* point) {
  if (point == nullptr || !is_measured(*point)) return number_cell(kDash);
  std::string html;
  if (point->tokens_per_second) html += "<b>" + rounded(*point->tokens_per_second) + "</b>";
  if (point->peak_bytes) html += "<small>" + byte_size(*point->peak_bytes) + "</small>";
  return {html, "number"};
}

Table speed_table(const Comparison& comparison) {
  Table table{{{"method", ""}}, {}, "results"};
  for (const std::int64_t length : comparison.lengths)
    table.header.push_back(number_cell(grouped(length)));
  for (const Curve& curve : comparison.curves) {
    table.rows.push_back({{swatch(curve.look) + escape(curve.label), ""}});
    for (const std::int64_t length : comparison.lengths)
      table.rows.back().push_back(cell_of(curve.at(length)));
  }
  return table;
}

Json optional_number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

}  // namespace

std::string speed_section(const std::vector<Comparison>& comparisons) {
  std::string tables;
  for (const Comparison& comparison : comparisons)
    if (is_measured(comparison))
      tables += "<h3>" + escape(comparison.split) + ", " + escape(mode_words(comparison.mode)) +
                "</h3>\n" + to_html(speed_table(comparison));
  if (tables.empty()) return "";
  return "<section>\n<h2>Speed and memory of the evaluation</h2>\n" + tables +
         "<p class=\"legend\">Columns: length of the evaluated window in tokens. Large: targets "
         "scored per second, the mean over seeds. Small: peak memory, the highest seed's. On a GPU "
         "that is what the tensors of this length took at most, on a CPU what the whole process "
         "had "
         "taken at most until then, lengths scored before it included.</p>\n</section>\n";
}

Json speed_numbers(const Comparison& comparison) {
  Json series = Json::array();
  for (const Curve& curve : comparison.curves) {
    Json points = Json::array();
    for (const CurvePoint& point : curve.points)
      if (is_measured(point))
        points.push_back({{"x", point.length},
                          {"tokens_per_second", optional_number(point.tokens_per_second)},
                          {"peak_bytes", optional_number(point.peak_bytes)}});
    series.push_back({{"label", curve.label}, {"runs", curve.runs}, {"points", points}});
  }
  return {{"split", comparison.split}, {"mode", comparison.mode}, {"series", series}};
}

}  // namespace longspan::report
