// longspan prepare CONFIG

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/run/run_config.h"

namespace longspan::cli {
namespace {

void prepare(const std::string& config_path, const CommonOptions& options) {
  const RunConfig config = read_config(config_path, options.overrides);
  const ShardFolder folder = prepare_data(config.data, options.threads);
  Json result{{"shards", config.data.shards},
              {"vocab_size", folder.tokenizer().vocab_size()},
              {"fingerprint", folder.fingerprint()},
              {"splits", Json::object()}};
  for (const auto& split : folder.splits()) {
    const TextCounts counts = folder.counts(split);
    result["splits"][split] = {{"tokens", folder.stream(split).size()},
                               {"lines", counts.lines},
                               {"words", counts.words},
                               {"bytes", counts.bytes},
                               {"unknown", counts.unknown}};
  }
  if (options.json) return write_result(json_line(result));
  std::string text =
      concat(config.data.shards, ": vocabulary of ", folder.tokenizer().vocab_size(), " ids\n");
  for (const auto& [split, counts] : result["splits"].items())
    text += concat("  ", split, ": ", counts["tokens"], " tokens",
                   counts["lines"] == 0  // ids that others made
                       ? ""
                       : concat(", ", counts["lines"], " lines, ", counts["words"], " words, ",
                                counts["bytes"], " bytes, ", counts["unknown"], " unknown"),
                   "\n");
  write_result(text);
}

}  // namespace

void add_prepare(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "prepare", "Build or load the tokenizer and write the token shards of a config");
  auto config = std::make_shared<std::string>();
  verb->add_option("CONFIG", *config, "Configuration file")->required();
  add_common_options(*verb, options);
  verb->callback([config, &options] {
    apply(options);
    prepare(*config, options);
  });
}

}  // namespace longspan::cli
