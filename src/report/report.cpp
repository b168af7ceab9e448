// The entry points: files in, files out. Everything is drawn and composed before the first file is
// written.
#include "longspan/report/report.h"

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "report/contents.h"
#include "report/figures.h"
#include "report/reference.h"
#include "report/run_folder.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

// Takes each name in the cells for a run.
std::vector<report::Run> runs_in(const report::Evaluation& evaluation) {
  std::vector<report::Run> runs;
  for (const report::Cell& cell : evaluation.cells) {
    auto found = std::find_if(runs.begin(), runs.end(),
                              [&](const report::Run& run) { return run.name == cell.run; });
    if (found == runs.end()) {
      report::Run run;
      run.name = run.recipe = cell.run;
      run.evaluations = {{evaluation.split, {}}};
      found = runs.insert(found, run);
    }
    found->evaluations.front().cells.push_back(cell);
  }
  return runs;
}

}  // namespace

ReportSummary write_report(const std::vector<fs::path>& runs, const fs::path& output_html,
                           const std::optional<fs::path>& reference,
                           std::optional<int> reload_seconds) {
  check(!runs.empty(), ErrorKind::Config,
        "a report needs the folder of at least one run, got none");
  check(output_html.extension() == ".html", ErrorKind::Config, "--output must end in .html, got ",
        output_html.string());
  std::vector<report::OutputFile> files;
  std::vector<report::Run> read = report::read_runs(runs);
  std::optional<report::ReferenceUse> use;
  if (reference) use = report::apply_reference(report::read_reference(*reference), read);
  report::PageContents contents = report::draw_contents(std::move(read), files);
  contents.reference = use;
  contents.reload_seconds = reload_seconds;
  files.push_back({".csv", report::all_cells_csv(contents.runs)});
  files.push_back({".json", report::numbers_of(contents)});
  const std::string stem = output_html.stem().string();
  for (const report::OutputFile& file : files) contents.files.push_back(stem + file.suffix);
  files.push_back({".html", report::make_page(contents)});
  const fs::path folder = output_html.has_parent_path() ? output_html.parent_path() : fs::path(".");
  make_folder(folder);
  for (const report::OutputFile& file : files)
    write_file_durably(folder / (stem + file.suffix), file.content);
  return use ? ReportSummary{use->cells, use->cells_matched} : ReportSummary{};
}

std::string state_of_report_inputs(const std::vector<fs::path>& runs) {
  std::string state;
  for (const fs::path& run : runs) state += report::state_of_files(run);
  return state;
}

void write_evaluation_plot(const fs::path& evaluation_json) {
  const std::vector<report::Run> runs = runs_in(report::read_evaluation(evaluation_json));
  const report::Lines lines(runs, report::Modes::LineEach);
  const auto comparisons = report::compare(runs, lines, report::Modes::LineEach);
  check(!comparisons.empty(), ErrorKind::Data, evaluation_json.string(),
        ": cells must not be empty to be plotted, got none");
  const auto figure = report::extrapolation_figure(comparisons.front(), "evaluation");
  write_file_durably(fs::path(evaluation_json).replace_extension(".svg"),
                     report::draw_svg(figure).file);
}

void write_evaluation_csv(const fs::path& evaluation_json) {
  write_file_durably(fs::path(evaluation_json).replace_extension(".csv"),
                     report::to_csv({report::read_evaluation(evaluation_json)}));
}

}  // namespace longspan
