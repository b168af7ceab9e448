// Options that all verbs share.

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/commands.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/device/device.h"
#include "longspan/device/processor.h"

namespace longspan::cli {

void add_common_options(CLI::App& verb, CommonOptions& options) {
  verb.add_option("--set", options.overrides,
                  "Override a configuration key: dotted.key=YAML value; repeatable")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  verb.add_flag("--json", options.json, "Print one JSON object instead of text");
  verb.add_flag("--quiet", options.quiet, "Log warnings and errors only");
  verb.add_option("--log-level", options.log_level, "debug, info, warn, error or off")
      ->capture_default_str();
  verb.add_option("--threads", options.threads, "CPU threads; 0: one for each core")
      ->check(CLI::Range(0, 4096));
  verb.add_option("--device", options.device, "auto, cpu, cuda or cuda:i")->capture_default_str();
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
