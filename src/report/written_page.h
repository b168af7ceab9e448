#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "longspan/report/report.h"
#include "report/contents.h"

namespace longspan::report {

/// Where a page goes, and what is laid beside its numbers.
struct PageRequest {
  std::filesystem::path output_html;
  std::optional<std::filesystem::path> reference;
  std::optional<int> reload_seconds;    ///< the page loads itself anew so often
  std::vector<std::string> notes = {};  ///< sentences that the page shows
};

/// @throws Error(Config) for an output not named *.html
void check_output(const std::filesystem::path& output_html);

/// Draws and composes all, then writes the files. @throws as write_report() does
ReportSummary write_page(std::vector<Run> runs, const PageRequest& request);

}  // namespace longspan::report
