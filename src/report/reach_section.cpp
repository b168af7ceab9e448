// How far each head attends: a table of layers and heads, with a bar in each cell.
#include <algorithm>
#include <map>

#include "longspan/core/error.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"

namespace longspan::report {
namespace {

double greatest_distance(const ReachAt& at) {
  double greatest = 0.0;
  for (const Head& head : at.heads) greatest = std::max(greatest, head.mean_distance);
  return greatest;
}

TableCell cell_of(const Head& head, double greatest) {
  const double part = greatest > 0.0 ? 100.0 * head.mean_distance / greatest : 0.0;
  std::string html = concat("<b>", grouped(head.mean_distance, 1),
                            "</b><i style=\"width:", fixed(part, 1), "%\"></i>");
  if (head.mass_beyond_trained)
    html += "<small>" + fixed(100.0 * *head.mass_beyond_trained, 1) + " %</small>";
  return {html, "number"};
}

Table reach_table(const ReachAt& at) {
  const double greatest = greatest_distance(at);
  std::map<std::int64_t, std::map<std::int64_t, const Head*>> layers;
  std::map<std::int64_t, bool> numbers;
  for (const Head& head : at.heads) {
    layers[head.layer][head.head] = &head;
    numbers[head.head] = true;
  }
  Table table{{{"layer", ""}}, {}, "reach"};
  for (const auto& [head, is_there] : numbers)
    table.header.push_back(number_cell(concat("head ", head)));
  for (const auto& [layer, heads] : layers) {
    table.rows.push_back({text_cell(grouped(layer))});
    for (const auto& [head, is_there] : numbers) {
      const auto found = heads.find(head);
      table.rows.back().push_back(found == heads.end() ? number_cell(kDash)
                                                       : cell_of(*found->second, greatest));
    }
  }
  return table;
}

std::string heading(const Run& run, const Reach& reach) {
  std::string text =
      concat(run.name, ", ", reach.split, ", windows of ", grouped(reach.lengths.back().length),
             " tokens, trained at ", grouped(reach.train_length));
  if (!reach.position_overrides.empty()) text += ", " + reach.position_overrides;
  return "<h3>" + escape(text) + "</h3>\n";
}

}  // namespace

std::string reach_section(const std::vector<Run>& runs) {
  std::string tables;
  for (const Run& run : runs)
    for (const Reach& reach : run.reaches)
      tables += heading(run, reach) + to_html(reach_table(reach.lengths.back()));
  if (tables.empty()) return "";
  return "<section>\n<h2>Reach of attention</h2>\n" + tables +
         "<p class=\"legend\">By layer and head, at the longest windows that were measured. Large: "
         "the mean distance in tokens from a query back to a key, weighted by attention; the bar "
         "is "
         "its part of the greatest of the table. Small: attention on keys at distances of the "
         "trained length and more, of the queries that see more keys than were there in training: "
         "what training never showed.</p>\n</section>\n";
}

Json reach_numbers(const std::vector<Run>& runs) {
  Json list = Json::array();
  for (const Run& run : runs)
    for (const Reach& reach : run.reaches) {
      Json cells = Json::array();
      for (const ReachAt& at : reach.lengths) {
        Json heads = Json::array();
        for (const Head& head : at.heads)
          heads.push_back({{"layer", head.layer},
                           {"head", head.head},
                           {"mean_distance", head.mean_distance},
                           {"mass_beyond_trained",
                            head.mass_beyond_trained ? Json(*head.mass_beyond_trained) : Json()}});
        cells.push_back({{"length", at.length}, {"heads", heads}});
      }
      list.push_back({{"run", run.name},
                      {"split", reach.split},
                      {"checkpoint_step", reach.checkpoint_step},
                      {"train_length", reach.train_length},
                      {"position_overrides", reach.position_overrides},
                      {"cells", cells}});
    }
  return list;
}

}  // namespace longspan::report
