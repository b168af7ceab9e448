// Options that all verbs share.

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/choice_check.h"
#include "cli/commands.h"
#include "cli/number_checks.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/device/device.h"
#include "longspan/device/processor.h"

namespace longspan::cli {

void add_common_options(CLI::App& verb, CommonOptions& options, const std::string& paths_from) {
  verb.add_option("--set", options.overrides,
                  "Override a configuration key: dotted.key=YAML value; repeatable; relative paths "
                  "start from " +
                      paths_from)
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  verb.add_flag("--json", options.json, "Print one JSON object instead of text");
  verb.add_flag("--quiet", options.quiet, "Log warnings and errors only");
  verb.add_option("--log-level", options.log_level, "debug, info, warn, error or off")
      ->check(one_of({"debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  verb.add_option(
          "--threads", options.threads,
          "CPU threads; 0, the default: OMP_NUM_THREADS where it is set, else one for each core")
      ->check(whole_number(0, 4096));
  verb.add_option("--device", options.device,
                  "auto (a GPU where there is one), cpu, cuda or cuda:i")
      ->capture_default_str();
}

void add_verbs(CLI::App& app, Call& call) {
  for (const Verb& verb : kVerbs) verb.add(app, call);
  const CLI::Validator not_empty(
      [](const std::string& value) {
        return value.empty() ? "a value must be given, got an empty one" : "";
      },
      "");
  for (const Verb& verb : kVerbs) {
    std::string text = "Examples:\n  longspan ";
    for (const char c : verb.examples) text += c == '\n' ? "\n  longspan " : std::string(1, c);
    app.get_subcommand(std::string(verb.name))->footer(text + "\n\n" + app.get_footer());
  }
  for (CLI::App* const verb : app.get_subcommands({}))
    for (CLI::Option* const option : verb->get_options())
      if (option->get_items_expected_max() > 0)
        option->transform(not_empty);  // before its own checks
      else
        option->disable_flag_override();  // --quiet=no
}

void apply(const CommonOptions& options, DeviceUse use) {
  log::set_level(options.quiet ? log::Level::Warn : log::parse_level(options.log_level));
  // A launcher that starts several processes on a host gives each its share in OMP_NUM_THREADS.
  if (options.threads > 0 || std::getenv("OMP_NUM_THREADS") == nullptr)
    at::set_num_threads(options.threads > 0 ? options.threads : num_cores());
  at::globalContext().setFlushDenormal(true);
  // A GPU that is not there is said before anything is read, by every verb that computes.
  if (use == DeviceUse::Computes && options.device != "auto") choose_device(options.device, 0);
}

void refuse_overrides(const CommonOptions& options, const std::string& verb) {
  check(options.overrides.empty(), ErrorKind::Config, "--set changes a configuration, and ", verb,
        " reads none, got ", options.overrides.empty() ? "" : options.overrides.front(),
        "; leave it out");
}

c10::Device use_device(const CommonOptions& options, int local_rank) {
  const c10::Device device = choose_device(options.device, local_rank);
  bind_to(device);
  return device;
}

}  // namespace longspan::cli
