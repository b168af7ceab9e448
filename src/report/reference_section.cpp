// The measured perplexities beside the published ones.
#include "longspan/core/error.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"

namespace longspan::report {
namespace {

std::vector<TableCell> row_of(const std::string& split, const Cell& cell) {
  return {text_cell(cell.run),
          text_cell(split),
          text_cell(mode_words(cell.mode)),
          number_cell(grouped(cell.train_length)),
          number_cell(grouped(cell.length)),
          number_cell(perplexity(cell.ppl)),
          number_cell(grouped(cell.paper->ppl, 2)),
          number_cell(ratio(cell.ppl / cell.paper->ppl)),
          text_cell(cell.paper->table)};
}

Table reference_table(const std::vector<Comparison>& comparisons) {
  Table table{{{"run", ""},
               {"split", ""},
               {"mode", ""},
               {"trained", "number"},
               {"length", "number"},
               {"perplexity", "number"},
               {"paper", "number"},
               {"ratio", "number"},
               {"where", ""}},
              {},
              "runs"};
  for (const Comparison& comparison : comparisons)
    for (const Cell* cell : comparison.cells)
      if (cell->paper) table.rows.push_back(row_of(comparison.split, *cell));
  return table;
}

}  // namespace

std::string reference_section(const std::optional<ReferenceUse>& use,
                              const std::vector<Comparison>& comparisons) {
  if (!use) return "";
  std::string html = "<section>\n<h2>Beside the paper</h2>\n";
  if (!use->doubts.empty())
    html += "<div class=\"note\" role=\"note\"><p>Not the paper's experiment:</p>" +
            list(use->doubts) + "</div>\n";
  html += concat("<p>", use->cells_matched, " of ", use->cells,
                 " measured cells have a figure of the same method, trained length, length, mode "
                 "and split in: ",
                 escape(use->source), ".</p>\n");
  if (use->cells_matched > 0)
    html += to_html(reference_table(comparisons)) +
            "<p class=\"legend\">ratio: measured perplexity over the paper's.</p>\n";
  return html + "</section>\n";
}

}  // namespace longspan::report
