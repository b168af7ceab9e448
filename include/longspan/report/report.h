#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
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
/// @throws Error(Config) for no run, a folder that is none, an output not named *.html, and without
/// gnuplot; Error(Data) for a file of a run that is damaged; Error(Io)
ReportSummary write_report(const std::vector<std::filesystem::path>& runs,
                           const std::filesystem::path& output_html,
                           const std::optional<std::filesystem::path>& reference = std::nullopt);

/// The page of write_report(), written anew when its runs have changed.
class ReportWatch {
 public:
  /// @param reload_seconds the page loads itself anew so often, until finish()
  ReportWatch(const std::vector<std::filesystem::path>& runs, std::filesystem::path output_html,
              std::optional<std::filesystem::path> reference, int reload_seconds);
  ~ReportWatch();
  ReportWatch(const ReportWatch&) = delete;
  ReportWatch& operator=(const ReportWatch&) = delete;

  /// Writes the page where a file that it shows has changed since the last look. A run that can no
  /// longer be read stays on it as it was read last; a page that cannot be written stays as it is,
  /// and the next look tries again. Returns what went wrong and was not told before, a line each.
  /// @throws as write_report() does, at the first look
  std::vector<std::string> look();
  /// Writes the page as one that no longer loads itself anew. @throws as write_report() does, but
  /// for runs that were read once
  ReportSummary finish();

 private:
  class Watched;
  std::unique_ptr<Watched> watched_;
};

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
