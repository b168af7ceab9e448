// Runs held against another one target by target.
#include <algorithm>
#include <cmath>
#include <utility>

#include "longspan/core/error.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"

namespace longspan::report {
namespace {

constexpr double kNormal95 = 1.959963984540054;  // standard errors on each side

bool is_of(const Pair& pair, const std::pair<std::string, std::string>& names) {
  return pair.run == names.first && pair.against == names.second;
}

TableCell cell_of(const Comparison& comparison, const std::pair<std::string, std::string>& names,
                  std::int64_t length) {
  for (const Pair& pair : comparison.pairs)
    if (is_of(pair, names) && pair.length == length) {
      const PairedDifference& difference = pair.difference;
      return {concat("<b>", signed_nats(difference.mean_nats), "</b><small>\u00b1",
                     fixed(kNormal95 * difference.standard_error, 4), "</small><small>p ",
                     escape(probability(difference.p_value)), "</small>"),
              "number"};
    }
  return number_cell(kDash);
}

Table paired_table(const Comparison& comparison) {
  Table table{{{"run", ""}}, {}, "results"};
  std::vector<std::int64_t> lengths;
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Pair& pair : comparison.pairs) {
    lengths.push_back(pair.length);
    const std::pair names{pair.run, pair.against};
    if (std::find(rows.begin(), rows.end(), names) == rows.end()) rows.push_back(names);
  }
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  for (const std::int64_t length : lengths) table.header.push_back(number_cell(grouped(length)));
  for (const auto& names : rows) {
    table.rows.push_back(
        {{escape(names.first) + "<small>against " + escape(names.second) + "</small>", ""}});
    for (const std::int64_t length : lengths)
      table.rows.back().push_back(cell_of(comparison, names, length));
  }
  return table;
}

}  // namespace

std::string paired_section(const std::vector<Comparison>& comparisons) {
  std::string tables;
  for (const Comparison& comparison : comparisons)
    if (!comparison.pairs.empty())
      tables += "<h3>" + escape(comparison.split) + ", " + escape(mode_words(comparison.mode)) +
                "</h3>\n" + to_html(paired_table(comparison));
  if (tables.empty()) return "";
  return "<section>\n<h2>Runs against another, target by target</h2>\n" + tables +
         "<p class=\"legend\">Nats per token by which a run's loss is higher than the other's on "
         "the "
         "same targets; below zero it is the better one. \u00b1: half of the 95 % interval, 1.96 "
         "standard errors over contiguous segments of the text. p: two-sided, of no difference. "
         "Such a difference is surer than two intervals of perplexities that share a text.</p>\n"
         "</section>\n";
}

Json paired_numbers(const Comparison& comparison) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  Json rows = Json::array();
  for (const Pair& pair : comparison.pairs)
    rows.push_back({{"run", pair.run},
                    {"against", pair.against},
                    {"length", pair.length},
                    {"difference_nats", number(pair.difference.mean_nats)},
                    {"standard_error", number(pair.difference.standard_error)},
                    {"p_value", number(pair.difference.p_value)}});
  return {{"split", comparison.split}, {"mode", comparison.mode}, {"rows", rows}};
}

}  // namespace longspan::report
