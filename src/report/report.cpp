// The entry points: files in, files out. Everything is drawn and composed before the first file is
// written.
#include "longspan/report/report.h"

#include <algorithm>
#include <exception>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "report/contents.h"
#include "report/figures.h"
#include "report/reference.h"
#include "report/run_folder.h"
#include "report/written_page.h"

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

namespace report {

void check_output(const fs::path& output_html) {
  check(output_html.extension() == ".html", ErrorKind::Config, "--output must end in .html, got ",
        output_html.string());
}

ReportSummary write_page(std::vector<Run> runs, const PageRequest& request) {
  std::vector<OutputFile> files;
  std::optional<ReferenceUse> use;
  if (request.reference) use = apply_reference(read_reference(*request.reference), runs);
  PageContents contents = draw_contents(std::move(runs), files);
  contents.missing.insert(contents.missing.begin(), request.notes.begin(), request.notes.end());
  contents.reference = use;
  contents.reload_seconds = request.reload_seconds;
  files.push_back({".csv", all_cells_csv(contents.runs)});
  files.push_back({".json", numbers_of(contents)});
  const std::string stem = request.output_html.stem().string();
  for (const OutputFile& file : files) contents.files.push_back(stem + file.suffix);
  files.push_back({".html", make_page(contents)});
  const fs::path parent = request.output_html.parent_path();
  const fs::path folder = parent.empty() ? fs::path(".") : parent;
  try {
    make_folder(folder);
    for (const OutputFile& file : files)
      write_file_durably(folder / (stem + file.suffix), file.content);
  } catch (const Error& cause) {
    std::throw_with_nested(
        Error(cause.kind(), concat(request.output_html.string(),
                                   " must be writable, and what lies beside it: ", cause.what())));
  }
  return use ? ReportSummary{use->cells, use->cells_matched} : ReportSummary{};
}

}  // namespace report

ReportSummary write_report(const std::vector<fs::path>& runs, const fs::path& output_html,
                           const std::optional<fs::path>& reference) {
  check(!runs.empty(), ErrorKind::Config,
        "a report needs the folder of at least one run, got none");
  report::check_output(output_html);
  return report::write_page(report::read_runs(runs), {output_html, reference, std::nullopt});
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
