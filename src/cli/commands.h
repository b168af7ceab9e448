#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace longspan::cli {

/// What every verb takes.
struct CommonOptions {
  std::vector<std::string> overrides;  ///< --set KEY=VALUE
  bool json = false;
  bool quiet = false;
  std::string log_level = "info";
  int threads = 0;  ///< 0: as many as there are cores
  std::string device = "auto";
};

/// The whole command line, for environment.json.
struct Invocation {
  std::vector<std::string> words;
};

/// Adds the common options to a verb.
void add_common_options(CLI::App& verb, CommonOptions& options);
/// Puts them into force. @throws Error(Config)
void apply(const CommonOptions& options);
/// Refuses --set for a verb that reads no configuration. @throws Error(Config)
void refuse_overrides(const CommonOptions& options, const std::string& verb);
/// Returns the device that a process computes on, and binds this thread to it. @throws
/// Error(Config)
c10::Device use_device(const CommonOptions& options, int local_rank = 0);

// Each adds its verb; the verb's callback does the work and sets exit_code where that is not 0.
void add_prepare(CLI::App& app, CommonOptions& options);
void add_train(CLI::App& app, CommonOptions& options, const Invocation& invocation, int& exit_code);
void add_evaluate(CLI::App& app, CommonOptions& options, const Invocation& invocation,
                  int& exit_code);
void add_sweep(CLI::App& app, CommonOptions& options, const Invocation& invocation, int& exit_code);
void add_report(CLI::App& app, CommonOptions& options);
void add_plan(CLI::App& app, CommonOptions& options);
void add_inspect(CLI::App& app, CommonOptions& options);
void add_import(CLI::App& app, CommonOptions& options);

}  // namespace longspan::cli
