// Why a longer window is better: the gain over the trained length in its two parts, and the loss by
// how many tokens a target sees.
#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/evaluation_format.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"

namespace longspan::report {
namespace {

std::vector<std::int64_t> lengths_with_gain(const Comparison& comparison) {
  std::vector<std::int64_t> lengths;
  for (const std::int64_t length : comparison.lengths) {
    const auto has_gain = [&](const Curve& curve) {
      const CurvePoint* point = curve.at(length);
      return point != nullptr && point->gain.has_value();
    };
    if (std::any_of(comparison.curves.begin(), comparison.curves.end(), has_gain))
      lengths.push_back(length);
  }
  return lengths;
}

// Without overlap the windows of a multiple of the trained length begin with those of the trained
// length: what they gain on a target says nothing of how early it stands.
bool has_parts(const Comparison& comparison) { return comparison.mode != kNonOverlapping; }

TableCell cell_of(const Comparison& comparison, const CurvePoint* point) {
  if (point == nullptr || !point->gain) return number_cell(kDash);
  if (!has_parts(comparison))
    return {"<b>" + signed_nats(point->gain->total_nats) + "</b>", "number"};
  return {concat("<b>", signed_nats(point->gain->total_nats), "</b><small>early ",
                 signed_nats(point->gain->fewer_early_tokens_nats), "</small><small>longer ",
                 signed_nats(point->gain->longer_context_nats), "</small>"),
          "number"};
}

Table gain_table(const Comparison& comparison, const std::vector<std::int64_t>& lengths) {
  Table table{{{"method", ""}}, {}, "results"};
  for (const std::int64_t length : lengths) table.header.push_back(number_cell(grouped(length)));
  for (const Curve& curve : comparison.curves) {
    table.rows.push_back({{swatch(curve.look) + escape(curve.label), ""}});
    for (const std::int64_t length : lengths)
      table.rows.back().push_back(cell_of(comparison, curve.at(length)));
  }
  return table;
}

}  // namespace

std::string gain_section(const std::vector<Comparison>& comparisons) {
  std::string tables;
  for (const Comparison& comparison : comparisons)
    if (const auto lengths = lengths_with_gain(comparison); !lengths.empty())
      tables += "<h3>" + escape(comparison.split) + ", " + escape(mode_words(comparison.mode)) +
                "</h3>\n" + to_html(gain_table(comparison, lengths));
  if (tables.empty()) return "";
  const bool any_parts = std::any_of(comparisons.begin(), comparisons.end(), has_parts),
             all_parts = std::all_of(comparisons.begin(), comparisons.end(), has_parts);
  const std::string parts =
      any_parts
          ? " early: the part of the targets that see no more than the trained length, fewer of "
            "which stand early in a longer window. longer: the part of those that see more than "
            "the trained length. The parts add up to the whole."
          : "";
  const std::string none =
      all_parts ? ""
                : " Its parts, by fewer early tokens and by more context, are not defined where "
                  "windows do not overlap: evaluate with --mode stride:S for them.";
  return "<section>\n<h2>Gain over the trained length</h2>\n" + tables +
         "<p class=\"legend\">Nats per token by which the loss is lower than at the trained "
         "length, on the same targets, the mean over seeds." +
         parts + none + "</p>\n</section>\n";
}

Json gain_numbers(const Comparison& comparison) {
  Json series = Json::array();
  const auto part = [&](double nats) { return has_parts(comparison) ? Json(nats) : Json(); };
  for (const Curve& curve : comparison.curves) {
    Json points = Json::array();
    for (const CurvePoint& point : curve.points)
      if (point.gain)
        points.push_back({{"x", point.length},
                          {"total_nats", point.gain->total_nats},
                          {"fewer_early_tokens_nats", part(point.gain->fewer_early_tokens_nats)},
                          {"longer_context_nats", part(point.gain->longer_context_nats)}});
    series.push_back({{"label", curve.label}, {"runs", curve.runs}, {"points", points}});
  }
  return {{"split", comparison.split}, {"mode", comparison.mode}, {"series", series}};
}

}  // namespace longspan::report
