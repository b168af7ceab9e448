// How the numbers were measured, and every number.
#include <algorithm>
#include <functional>

#include "longspan/core/evaluation_format.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"

namespace longspan::report {
namespace {

using CellText = std::function<std::string(const Cell&)>;

std::string distinct(const Comparison& comparison, const CellText& text_of) {
  std::vector<std::string> values;
  for (const Cell* cell : comparison.cells) {
    const std::string value = text_of(*cell);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  std::string html;
  for (const std::string& value : values) html += (html.empty() ? "" : "<br>") + escape(value);
  return html;
}

std::vector<TableCell> protocol_row(const Comparison& comparison) {
  const auto cell = [&](const char* css_class, const CellText& text_of) {
    return TableCell{distinct(comparison, text_of), css_class};
  };
  return {text_cell(comparison.split),
          text_cell(mode_words(comparison.mode)),
          cell("number",
               [](const Cell& c) { return c.mode == kNonOverlapping ? kDash : grouped(c.stride); }),
          cell("number", [](const Cell& c) { return grouped(c.targets); }),
          cell("", [](const Cell& c) { return c.targets_hash; }),
          cell("", [](const Cell& c) { return c.dtype; }),
          cell("number", [](const Cell& c) { return grouped(c.checkpoint_step); })};
}

// A number of the file with as many digits as one reads; the CSV has all.
TableCell value_cell(const Cell& cell, const char* key, int decimals) {
  const auto found = cell.object.find(key);
  if (found == cell.object.end() || !found->is_number()) return number_cell(kDash);
  return number_cell(grouped(found->get<double>(), decimals));
}

std::vector<TableCell> cell_row(const Comparison& comparison, const Cell& cell) {
  std::string run = cell.run;
  if (!cell.position_overrides.empty()) run += " (" + cell.position_overrides + ")";
  return {text_cell(run),
          text_cell(comparison.split),
          text_cell(mode_words(cell.mode)),
          number_cell(grouped(cell.length)),
          value_cell(cell, "loss_nats", 4),
          number_cell(perplexity(cell.ppl)),
          value_cell(cell, "ppl_stderr", 3),
          number_cell(cell.ppl_interval ? perplexity(cell.ppl_interval->low) + kDash +
                                              perplexity(cell.ppl_interval->high)
                                        : kDash),
          value_cell(cell, "word_ppl", 2),
          value_cell(cell, "bits_per_byte", 4),
          value_cell(cell, "early_token_loss", 4),
          value_cell(cell, "full_context_loss", 4),
          value_cell(cell, "tokens_per_second", 0),
          number_cell(cell.peak_bytes ? byte_size(*cell.peak_bytes) : kDash)};
}

}  // namespace

std::string protocol_section(const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return "";
  Table table{{{"split", ""},
               {"mode", ""},
               {"stride", "number"},
               {"targets", "number"},
               {"targets_hash", ""},
               {"dtype", ""},
               {"checkpoint step", "number"}},
              {},
              "protocol"};
  for (const Comparison& comparison : comparisons) table.rows.push_back(protocol_row(comparison));
  return "<section>\n<h2>Protocol</h2>\n"
         "<p>Every target token of a split is scored exactly once at every length; targets_hash "
         "tells that it was the same "
         "set. Non-overlapping: blocks of the given length, the first target of each sees one "
         "token of context. Sliding: each "
         "window re-encodes earlier tokens and scores only the last <i>stride</i>. Positions "
         "restart in every window. "
         "Perplexity is exp of the mean negative log-likelihood per token, in nats.</p>\n" +
         to_html(table) + "</section>\n";
}

std::string cells_section(const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return "";
  Table table{{{"run", ""},
               {"split", ""},
               {"mode", ""},
               {"length", "number"},
               {"loss", "number"},
               {"perplexity", "number"},
               {"\u00b1 stderr", "number"},
               {"95 % interval", "number"},
               {"per word", "number"},
               {"bits/byte", "number"},
               {"early loss", "number"},
               {"full-context loss", "number"},
               {"tokens/s", "number"},
               {"peak memory", "number"}},
              {},
              "cells"};
  for (const Comparison& comparison : comparisons)
    for (const Cell* cell : comparison.cells) table.rows.push_back(cell_row(comparison, *cell));
  return "<section>\n<h2>All cells</h2>\n" +
         details(grouped(static_cast<std::int64_t>(table.rows.size())) + " measurements",
                 to_html(table) +
                     "<p class=\"legend\">loss: nats per token. early loss: over targets with less "
                     "context than half the trained "
                     "length. full-context loss: over targets with at least the trained length of "
                     "context.</p>\n") +
         "</section>\n";
}

}  // namespace longspan::report
