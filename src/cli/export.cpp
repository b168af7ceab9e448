// longspan export RUN --to huggingface|gguf --output PATH

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <functional>
#include <string_view>

#include "cli/choice_check.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/output.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/interop/exported_folder.h"
#include "longspan/interop/exported_gguf.h"
#include "longspan/run/run.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTypes{config::Choice{"fp32", at::kFloat},
                            config::Choice{"bf16", at::kBFloat16},
                            config::Choice{"fp16", at::kHalf}};

struct ExportArguments {
  std::string run, to, output, checkpoint = "best", dtype = "fp32";
};

Json described(const ExportedFolder& folder, const TrainedRun& run,
               const ExportArguments& arguments) {
  return {{"output", arguments.output},
          {"architecture", folder.architecture},
          {"parameters", run.model.num_parameters()},
          {"dtype", arguments.dtype},
          {"checkpoint_step", run.step},
          {"train_length", run.config.data.seq_len},
          {"tokenizer", folder.tokenizer.empty() ? Json() : Json(folder.tokenizer)},
          {"files", folder.files},
          {"bytes", folder.bytes}};
}

std::string text_of(const Json& result) {
  const Json& tokenizer = result["tokenizer"];
  return concat(result["output"].get<std::string>(), ": ",
                result["architecture"].get<std::string>(), ", ", result["parameters"],
                " parameters in ", result["dtype"].get<std::string>(), ", step ",
                result["checkpoint_step"], ", ",
                tokenizer.is_null() ? "no tokenizer" : "tokenizer " + tokenizer.get<std::string>(),
                ", ", result["files"].size(), " files, ", result["bytes"], " bytes\n");
}

// What a model lacks to be expressed is said with where it came from; errors of --output and of the
// disk have a place already.
void naming(const fs::path& checkpoint, const std::function<void()>& write) {
  try {
    write();
  } catch (const Error& error) {
    const bool of_model = error.kind() == ErrorKind::Config || error.kind() == ErrorKind::Numeric;
    if (!of_model || std::string_view(error.what()).starts_with("--")) throw;
    std::throw_with_nested(Error(error.kind(), concat(checkpoint.string(), ": ", error.what())));
  }
}

void export_run(const ExportArguments& arguments, const CommonOptions& options) {
  check_is_no_file(arguments.run);
  const SavedRun saved = find_run(arguments.run, arguments.checkpoint, options.overrides);
  const TrainedRun run = open_run(saved);
  const PortableModel model{run.config.resolved, run.model.parameters(),
                            run.tokenizer->vocab_size(), run.config.data.seq_len};
  const fs::path output = fs::absolute(arguments.output).lexically_normal();
  const ExportOptions wanted{.dtype = config::value_of(kTypes, arguments.dtype)};
  ExportedFolder folder;
  naming(saved.checkpoint, [&] {
    folder = arguments.to == "gguf" ? export_gguf(model, *run.tokenizer, output, wanted)
                                    : export_huggingface(model, *run.tokenizer, output, wanted);
  });
  const Json result = described(folder, run, arguments);
  write_result(options.json ? json_line(result) : text_of(result));
}

}  // namespace

void add_export(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "export",
      "Write a run's model as another project reads it: MPT or BLOOM for ALiBi, LLaMA or GPT-NeoX "
      "for rotary, for transformers or llama.cpp");
  auto arguments = std::make_shared<ExportArguments>();
  verb->add_option("RUN", arguments->run, "Folder of a run")->required();
  verb->add_option("--to", arguments->to,
                   "huggingface: a folder for transformers' from_pretrained; gguf: a file for "
                   "llama.cpp")
      ->required()
      ->check(one_of({"huggingface", "gguf"}));
  verb->add_option("--output", arguments->output, "huggingface: folder to make; gguf: file to make")
      ->required();
  verb->add_option("--checkpoint", arguments->checkpoint, "best, latest or a checkpoint's folder")
      ->capture_default_str();
  verb->add_option("--dtype", arguments->dtype, "Number format of the weights: fp32, bf16 or fp16")
      ->check(one_of(config::names_of(kTypes)))
      ->capture_default_str();
  add_common_options(*verb, options, "the current folder");
  verb->callback([arguments, &options] {
    apply(options);
    export_run(*arguments, options);
  });
}

}  // namespace longspan::cli
