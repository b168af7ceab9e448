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
  std::string_view examples;  ///< command lines behind the program's name, one a line
};

/// All verbs, in the order of the help.
inline constexpr Verb kVerbs[] = {
    {"prepare", add_prepare, "prepare configs/quickstart.yaml"},
    {"train", add_train,
     "train configs/quickstart.yaml"
     "\ntrain configs/quickstart.yaml --run runs/rotary --set position.kind=rotary --set "
     "train.max_steps=500"},
    {"evaluate", add_evaluate,
     "evaluate runs/first-run --lengths 64:1024"
     "\nevaluate runs/first-run runs/rotary --split test --mode nonoverlapping --mode stride:16"},
    {"sweep", add_sweep,
     "sweep configs/sweeps/quickstart.yaml --dry-run"
     "\nsweep configs/sweeps/quickstart.yaml"},
    {"report", add_report,
     "report runs/first-run runs/rotary --output report.html"
     "\nreport runs/first-run --watch"},
    {"generate", add_generate,
     "generate runs/first-run --prompt \"The river\" --max-tokens 200 --temperature 0.8 --top-k "
     "50"},
    {"plan", add_plan,
     "plan configs/wikitext103.yaml --tokens-per-second 28300"
     "\nplan configs/wikitext103.yaml --tokens-per-second 28300 --devices 8:64"},
    {"bench", add_bench, "bench configs/quickstart.yaml --steps 20"},
    {"attention", add_attention, "attention runs/first-run --lengths 64:1024"},
    {"audit", add_audit,
     "audit configs/wikitext103.yaml"
     "\naudit runs/first-run --lengths 64:1024"},
    {"inspect", add_inspect,
     "inspect runs/first-run --verify"
     "\ninspect runs/first-run --diff runs/rotary"},
    {"runs", add_runs,
     "runs"
     "\nruns runs/quickstart"},
    {"import", add_import,
     "import checkpoint_best.pt --from fairseq --position alibi --dictionary dict.txt --output "
     "runs/imported"
     "\nimport ./mpt-folder --from huggingface --output runs/imported"},
    {"export", add_export,
     "export runs/first-run --to huggingface --output exported"
     "\nexport runs/first-run --to gguf --output model.gguf --dtype fp16"},
    {"verify-resume", add_verify_resume, "verify-resume configs/tests/tiny.yaml --kills 3"},
    {"schema", add_schema, "schema run > run.schema.json"},
    {"completion", add_completion,
     "completion bash > ~/.local/share/bash-completion/completions/longspan"}};

}  // namespace longspan::cli
