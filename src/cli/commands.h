#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/core/exit_code.h"

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

/// One call of the program.
struct Call {
  CommonOptions options;
  std::vector<std::string> words;  ///< the whole command line
  int exit_code = kDone;           ///< a verb's callback sets it where it is another
};

/// Adds the common options to a verb. @param paths_from where relative paths of --set start
void add_common_options(CLI::App& verb, CommonOptions& options,
                        const std::string& paths_from = "the configuration file's folder");
/// Whether a verb's device must be there.
enum class DeviceUse { Computes, Plans };
/// Puts them into force. @throws Error(Config)
void apply(const CommonOptions& options, DeviceUse use = DeviceUse::Computes);
/// Refuses --set for a verb that reads no configuration. @throws Error(Config)
void refuse_overrides(const CommonOptions& options, const std::string& verb);
/// Returns the device that a process computes on, and binds this thread to it. @throws
/// Error(Config)
c10::Device use_device(const CommonOptions& options, int local_rank = 0);

// Each adds its verb, whose callback does the work.
void add_prepare(CLI::App& app, Call& call);
void add_train(CLI::App& app, Call& call);
void add_evaluate(CLI::App& app, Call& call);
void add_sweep(CLI::App& app, Call& call);
void add_generate(CLI::App& app, Call& call);
void add_report(CLI::App& app, Call& call);
void add_plan(CLI::App& app, Call& call);
void add_bench(CLI::App& app, Call& call);
void add_attention(CLI::App& app, Call& call);
void add_audit(CLI::App& app, Call& call);
void add_inspect(CLI::App& app, Call& call);
void add_runs(CLI::App& app, Call& call);
void add_import(CLI::App& app, Call& call);
void add_export(CLI::App& app, Call& call);
void add_verify_resume(CLI::App& app, Call& call);
void add_schema(CLI::App& app, Call& call);
void add_completion(CLI::App& app, Call& call);

/// Adds all verbs. An option or argument that is given takes a value that is not empty.
void add_verbs(CLI::App& app, Call& call);

struct Verb {
  std::string_view name;
  void (*add)(CLI::App& app, Call& call);
};

/// All verbs, in the order of the help.
inline constexpr Verb kVerbs[] = {
    {"prepare", add_prepare}, {"train", add_train},          {"evaluate", add_evaluate},
    {"sweep", add_sweep},     {"report", add_report},        {"generate", add_generate},
    {"plan", add_plan},       {"bench", add_bench},          {"attention", add_attention},
    {"audit", add_audit},     {"inspect", add_inspect},      {"runs", add_runs},
    {"import", add_import},   {"export", add_export},        {"verify-resume", add_verify_resume},
    {"schema", add_schema},   {"completion", add_completion}};

}  // namespace longspan::cli
