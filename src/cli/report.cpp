// longspan report RUN...

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "longspan/core/json.h"
#include "longspan/report/report.h"

namespace longspan::cli {

void add_report(CLI::App& app, CommonOptions& options) {
  struct Arguments {
    std::vector<std::string> runs;
    std::string output = "report.html";
  };
  auto* verb = app.add_subcommand("report", "Write one self-contained page about runs");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("RUN", arguments->runs, "Folders of runs")->required();
  verb->add_option("--output", arguments->output,
                   "The page; plots and tables are written beside it")
      ->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options);
    write_report({arguments->runs.begin(), arguments->runs.end()}, arguments->output);
    if (options.json)
      std::cout << Json{{"report", arguments->output}}.dump() << "\n";
    else
      std::cout << arguments->output << "\n";
  });
}

}  // namespace longspan::cli
