#pragma once

#include <string>
#include <vector>

#include "report/page.h"

namespace longspan::report {

/// A file beside the page.
struct OutputFile {
  std::string suffix;  ///< behind the page's name without .html
  std::string content;
};

/// Sorts and draws what runs hold. @param files receives the images
PageContents draw_contents(std::vector<Run> runs, std::vector<OutputFile>& files);

/// Returns the JSON text of the numbers that are plotted, as FORMAT.md says.
std::string numbers_of(const PageContents& contents);

/// Returns the cells of all runs as CSV.
std::string all_cells_csv(const std::vector<Run>& runs);

}  // namespace longspan::report
