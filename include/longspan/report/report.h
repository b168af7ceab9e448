#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace longspan {

/// What a report says of published figures.
struct ReportSummary {
  std::int64_t cells = 0;          ///< measured; 0 without a reference
  std::int64_t cells_matched = 0;  ///< of them, with a published figure beside them
};

/// Writes one page, which needs no other file, about some runs: perplexity by length, training
/// curves, protocol, configurations, environment. What a run lacks is named on the page. Beside
/// PAGE.html lie the plots (PAGE-*.svg, PAGE-*.png), the cells (PAGE.csv) and the numbers that are
/// plotted (PAGE.json).
/// @param runs folders of runs; one given twice counts once
/// The page shows its plots without a script; with it, values at a pointer and lines that are
/// hidden.
/// @param reference a file of published perplexities (src/report/FORMAT.md), which are laid beside
/// the measured ones of the same method, trained length, length, mode and split
/// @param reload_seconds makes a page that loads itself anew so often
/// @throws Error(Config) for no run, a folder that is none, an output not named *.html, and without
/// gnuplot; Error(Data) for a file of a run that is damaged; Error(Io)
ReportSummary write_report(const std::vector<std::filesystem::path>& runs,
                           const std::filesystem::path& output_html,
                           const std::optional<std::filesystem::path>& reference = std::nullopt,
                           std::optional<int> reload_seconds = std::nullopt);

/// Returns a text that is another one once a file that a report of the runs reads has changed.
std::string state_of_report_inputs(const std::vector<std::filesystem::path>& runs);

/// Returns the file of a reference: that of the ALiBi paper's WikiText-103 tables for "paper",
/// beside the program's sources or installed with it; else the name itself. @throws Error(Config)
/// when "paper" is in neither place
std::filesystem::path find_reference(const std::string& name);

/// Writes the plot of evaluations/<split>.json, perplexity over length, as <split>.svg beside it.
/// @throws Error(Data), Error(Io)
void write_evaluation_plot(const std::filesystem::path& evaluation_json);

/// Writes the cells of evaluations/<split>.json as <split>.csv beside it, a row each.
/// @throws Error(Data), Error(Io)
void write_evaluation_csv(const std::filesystem::path& evaluation_json);

}  // namespace longspan
