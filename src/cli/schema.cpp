// longspan schema: what an editor needs to check and complete configuration files.

#include <CLI/CLI.hpp>

#include "cli/choice_check.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/sweep_schema.h"
#include "longspan/run/config_schema.h"

namespace longspan::cli {

void add_schema(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand("schema", "The JSON Schema of configuration files, for editors");
  auto kind = std::make_shared<std::string>("run");
  verb->add_option("KIND", *kind, "What files: of a run or of a sweep")
      ->check(one_of({"run", "sweep"}))
      ->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([kind, &options] {
    apply(options, DeviceUse::Plans);
    refuse_overrides(options, "schema");
    const Json schema = *kind == "run" ? run_config_schema() : sweep_schema();
    write_result(options.json ? json_line(schema) : schema.dump(2) + "\n");
  });
}

}  // namespace longspan::cli
