#pragma once

#include <filesystem>
#include <vector>

namespace longspan {

/// Writes one page, which needs no other file, about some runs: perplexity by length, training
/// curves, protocol, configurations, environment. What a run lacks is named on the page. Beside
/// PAGE.html lie the plots (PAGE-*.svg, PAGE-*.png), the cells (PAGE.csv) and the numbers that are
/// plotted (PAGE.json).
/// @param runs folders of runs; one given twice counts once
/// @throws Error(Config) for no run, a folder that is none, an output not named *.html, and without
/// gnuplot; Error(Data) for a file of a run that is damaged; Error(Io)
void write_report(const std::vector<std::filesystem::path>& runs,
                  const std::filesystem::path& output_html);

/// Writes the plot of evaluations/<split>.json, perplexity over length, as <split>.svg beside it.
/// @throws Error(Config) without gnuplot; Error(Data), Error(Io)
void write_evaluation_plot(const std::filesystem::path& evaluation_json);

/// Writes the cells of evaluations/<split>.json as <split>.csv beside it, a row each.
/// @throws Error(Data), Error(Io)
void write_evaluation_csv(const std::filesystem::path& evaluation_json);

}  // namespace longspan
