// longspan report RUN...

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/report/report.h"

namespace longspan::cli {

void add_report(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  struct Arguments {
    std::vector<std::string> runs;
    std::string output = "report.html";
    std::string reference;
  };
  auto* verb = app.add_subcommand("report", "Write one self-contained page about runs");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("RUN", arguments->runs, "Folders of runs")->required();
  verb->add_option("--output", arguments->output,
                   "The page; plots and tables are written beside it")
      ->capture_default_str();
  verb->add_option("--reference", arguments->reference,
                   "Published perplexities to lay beside the measured ones: paper (the ALiBi "
                   "paper's WikiText-103 tables) or a file");
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options);
    refuse_overrides(options, "report");
    std::optional<std::filesystem::path> reference;
    if (!arguments->reference.empty()) reference = find_reference(arguments->reference);
    const ReportSummary summary = write_report({arguments->runs.begin(), arguments->runs.end()},
                                               arguments->output, reference);
    Json result{{"report", arguments->output}};
    if (reference)
      result.update({{"cells", summary.cells}, {"cells_with_reference", summary.cells_matched}});
    const std::string matched = reference
                                    ? concat(": ", summary.cells_matched, " of ", summary.cells,
                                             " cells have a figure in the reference")
                                    : "";
    write_result(options.json ? json_line(result) : arguments->output + matched + "\n");
  });
}

}  // namespace longspan::cli
