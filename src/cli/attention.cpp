// longspan attention RUN: how far each head attends.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/memory_advice.h"
#include "cli/output.h"
#include "cli/position_changes.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/core/log.h"
#include "longspan/evaluate/attention_reach.h"
#include "longspan/evaluate/results.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string run, output, checkpoint = "best";
  ReachRequest request;
};

// Far queries, those that see more keys than there were in training, where there are such.
std::string table_of(const Json& result) {
  std::string text = concat(escaped(result["run"].get<std::string>()), ", ",
                            result["method"].get<std::string>(), ", trained at length ",
                            result["train_length"], ", step ", result["checkpoint_step"], "\n");
  text += formatted("%8s %6s %5s %10s %9s %9s %10s %10s %9s\n", "length", "layer", "head",
                    "distance", "entropy", "keys", "far", "far beyond", "far keys");
  for (const Json& cell : result["cells"])
    for (const Json& head : cell["heads"]) {
      const Json &all = head["all_queries"], &far = head["far_queries"];
      const auto number = [](const Json& of, const char* key, const char* format) {
        return of.is_null() ? std::string("-") : formatted(format, of[key].get<double>());
      };
      text += formatted("%8lld %6lld %5lld %10.2f %9.3f %9.1f %10s %10s %9s\n",
                        cell["length"].get<long long>(), head["layer"].get<long long>(),
                        head["head"].get<long long>(), all["mean_distance"].get<double>(),
                        all["entropy_nats"].get<double>(), all["effective_keys"].get<double>(),
                        number(far, "mean_distance", "%.2f").c_str(),
                        number(far, "mass_beyond_trained", "%.5f").c_str(),
                        number(far, "effective_keys", "%.1f").c_str());
    }
  return text +
         "distance: from a query back to a key, in tokens, the mean by attention; entropy: of the "
         "attention, in nats;\nkeys: exp(entropy), as many equally attended keys. far, far beyond, "
         "far keys: of the queries that see more\nkeys than there were in training (-: none "
         "do), their distance, the share of their attention on keys that are\nfurther back than "
         "any was in training, and their keys.\n";
}

// A text file that is called like a split must not take its place.
fs::path result_file(const Arguments& arguments) {
  const std::string& split = arguments.request.split;
  std::string name = results_name(split);
  if (!is_in_shards(split) && is_in_shards(name)) name += "-text";
  const fs::path folder =
      arguments.output.empty() ? fs::path(arguments.run) / "attention" : fs::path(arguments.output);
  return folder / (name + ".json");
}

void attention(const Arguments& arguments, const CommonOptions& options) {
  check_settings_act(options.overrides, "attention",
                     {"name", "model", "position", "data.seq_len", "data.shards", "data.train",
                      "train.precision"});
  ReachRequest request = arguments.request;
  const auto overrides = take_position_changes(request.position, options.overrides);
  check_is_no_file(arguments.run);
  const SavedRun run = find_run(arguments.run, arguments.checkpoint, overrides);
  const c10::Device device = use_device(options);
  const fs::path file = result_file(arguments);
  make_folder(file.parent_path());  // found out before the work
  Json result;
  with_memory_advice("measure at smaller --lengths",
                     [&] { result = attention_reach_of_run(run, request, device); });
  write_json(file, result);
  log::info("measured", {{"result", file.string()}});
  write_result(options.json ? json_line(result) : table_of(result));
}

}  // namespace

void add_attention(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "attention",
      "Measure how far back each head of each layer attends, at the trained length and at longer "
      "ones: the mean distance in tokens, the share of attention on keys beyond the trained "
      "length, the entropy. longspan report shows the result");
  auto arguments = std::make_shared<Arguments>();
  ReachRequest& request = arguments->request;
  verb->add_option("RUN", arguments->run, "Folder of a run")->required();
  verb->add_option("--lengths", request.lengths,
                   "Lengths in tokens: 64,128,256 or 64:4096 (doubling) or 64:4096:64 (step); "
                   "default: the trained length and its doublings to 16 times, as far as the text "
                   "has windows of them");
  verb->add_option(
          "--windows", request.num_windows,
          "Windows to read of each length, spread evenly over the text; fewer where it has "
          "fewer")
      ->capture_default_str();
  verb->add_option("--split", request.split,
                   "valid, test, train, a text (a file or a folder), or a file of token ids: "
                   "nanogpt:FILE, or one of llm.c, Megatron or fairseq by its path")
      ->capture_default_str();
  verb->add_option("--checkpoint", arguments->checkpoint, "best, latest or a checkpoint's folder")
      ->capture_default_str();
  verb->add_option("--position", request.position,
                   "Change the position rule: KEY=VALUE of the position section, as "
                   "interpolation=4 or window=512; repeatable")
      ->expected(1)
      ->take_all();
  verb->add_option("--output", arguments->output,
                   "Folder for the result, <split>.json; default <run>/attention");
  add_common_options(*verb, options, "the current folder");
  verb->callback([arguments, &options] {
    apply(options);
    attention(*arguments, options);
  });
}

}  // namespace longspan::cli
