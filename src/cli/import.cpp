// longspan import --from fairseq|huggingface PATH --output RUN

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/choice_check.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/interop/folder_tokenizer.h"
#include "longspan/interop/imported_run.h"
#include "longspan/run/run_config.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

struct ImportArguments {
  std::string from, path, output, position, dictionary;
};

std::string quoted(const fs::path& path) { return Json(fs::absolute(path).string()).dump(); }

// An option of the one source alone is needed there and an error elsewhere.
void check_option(const ImportArguments& arguments, const std::string& name,
                  const std::string& value) {
  const bool fairseq = arguments.from == "fairseq";
  check(!fairseq || !value.empty(), ErrorKind::Config, "--from fairseq needs ", name,
        name == "--position" ? ", since a checkpoint does not tell ALiBi from sinusoidal"
                             : ", the dict.txt that the model was trained with");
  check(fairseq || value.empty(), ErrorKind::Config, name, " has no effect with --from ",
        arguments.from, "; remove it");
}

void check_arguments(const ImportArguments& arguments) {
  check(!arguments.output.empty(), ErrorKind::Config, "--output must name a folder, got nothing");
  check_option(arguments, "--position", arguments.position);
  check_option(arguments, "--dictionary", arguments.dictionary);
}

std::string word_tokenizer(const fs::path& dictionary) {
  return concat("{kind: word, end_of_line: true, pad_multiple: 1, dictionary: ", quoted(dictionary),
                "}");
}

// Fails when the configuration, overrides included, is not the model's.
void check_fits(const RunConfig& config, const PortableModel& imported) {
  make_unset_model(config, imported.vocab_size).load_parameters(imported.parameters);
}

void print_result(const PortableModel& model, const RunConfig& config, const std::string& run,
                  bool as_json) {
  std::int64_t num_parameters = 0;
  for (const auto& parameter : model.parameters) num_parameters += parameter.tensor.numel();
  const Json result{{"run", run},
                    {"parameters", num_parameters},
                    {"vocab_size", model.vocab_size},
                    {"tokenizer", name_of(config.data.tokenizer.kind)},
                    {"method", config.position.kind},
                    {"train_length", config.data.seq_len}};
  write_result(as_json ? json_line(result)
                       : concat(run, ": ", num_parameters, " parameters, ", config.position.kind,
                                ", trained at ", config.data.seq_len, ", ", model.vocab_size,
                                " ids, tokenizer ", name_of(config.data.tokenizer.kind), "\n"));
}

void import_run(const ImportArguments& arguments, const CommonOptions& options) {
  check_arguments(arguments);
  const bool fairseq = arguments.from == "fairseq";
  const PortableModel model = fairseq ? import_fairseq(arguments.path, arguments.position)
                                      : import_huggingface(arguments.path);
  const fs::path output = fs::absolute(arguments.output).lexically_normal();
  const fs::path folder = output.has_filename() ? output : output.parent_path();
  const std::string tokenizer = fairseq ? word_tokenizer(arguments.dictionary)
                                        : folder_tokenizer(arguments.path, model.vocab_size);
  const RunConfig config = read_run_config(
      config::Document::from_text(imported_config(model, folder.filename().string(), tokenizer),
                                  "the imported configuration", folder, options.overrides));
  check_fits(config, model);
  write_imported_run(folder, model, *build_tokenizer(config.data.tokenizer, {}), config.resolved);
  print_result(model, config, arguments.output, options.json);
}

}  // namespace

void add_import(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand("import", "Make a run from another project's model");
  auto arguments = std::make_shared<ImportArguments>();
  verb->add_option("--from", arguments->from, "fairseq or huggingface")
      ->required()
      ->check(one_of({"fairseq", "huggingface"}));
  verb->add_option("PATH", arguments->path,
                   "fairseq: a .pt checkpoint; huggingface: a folder of save_pretrained")
      ->required();
  verb->add_option("--output", arguments->output, "Folder of the run to make")->required();
  verb->add_option("--position", arguments->position,
                   "fairseq: the position section, as \"{kind: alibi}\" or a kind's name");
  verb->add_option("--dictionary", arguments->dictionary,
                   "fairseq: the dict.txt of the model's training data");
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options);
    import_run(*arguments, options);
  });
}

}  // namespace longspan::cli
