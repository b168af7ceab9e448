// longspan inspect PATH: says what a shard folder, checkpoint, tokenizer, run or file of ids is.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/inspect_diff.h"
#include "cli/inspect_step.h"
#include "cli/output.h"
#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/data/shards.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

Json inspect_shards(const fs::path& path, bool verify) {
  const ShardFolder folder = ShardFolder::open(path);
  if (verify) folder.verify();
  Json result{{"kind", "shards"}, {"verified", verify}};
  result["manifest"] = parse_json(folder.describe(), path.string());
  return result;
}

Json inspect_checkpoint(const fs::path& path, bool verify) {
  if (verify) verify_checkpoint(path);
  const CheckpointContents contents = load_checkpoint(path);
  Json tensors = Json::object();
  for (const auto& [name, tensor] : contents.model) tensors[name] = tensor.sizes().vec();
  return {{"kind", "checkpoint"},
          {"verified", verify},
          {"step", contents.step},
          {"trainer", contents.trainer},
          {"model", tensors}};
}

Json inspect_run(const fs::path& path, bool verify) {
  const auto whole = list_checkpoints(path);
  Json checkpoints = Json::array(), damaged = Json::array();
  for (const auto& folder : checkpoint_folders(path)) {
    if (verify) verify_checkpoint(folder);
    Json& names = std::ranges::find(whole, folder) != whole.end() ? checkpoints : damaged;
    names.push_back(folder.filename().string());
  }
  Json result{{"kind", "run"},
              {"verified", verify},
              {"checkpoints", checkpoints},
              {"damaged_checkpoints", damaged}};
  if (fs::exists(path / "environment.json"))
    result["environment"] = read_json(path / "environment.json");
  return result;
}

Json inspect_tokenizer(const fs::path& path) {
  const auto tokenizer = load_tokenizer(path);
  return {{"kind", "tokenizer"},
          {"tokenizer", tokenizer->kind()},
          {"vocab_size", tokenizer->vocab_size()},
          {"fingerprint", tokenizer->fingerprint()}};
}

// Whether it is a run's checkpoints/latest or checkpoints/best, which name a checkpoint.
bool is_pointer(const fs::path& path) {
  const fs::path name = path.filename();
  return path.parent_path().filename() == "checkpoints" && (name == "latest" || name == "best") &&
         fs::is_regular_file(path);
}

Json inspect(const fs::path& path, bool verify) {
  if (is_pointer(path)) {
    const fs::path run = fs::absolute(path).parent_path().parent_path();
    return inspect_checkpoint(find_checkpoint(run, path.filename().string()), verify);
  }
  const std::string config = described_config(path.string());
  check(
      config.empty(), ErrorKind::Config, path.string(),
      ": must be a folder: of shards, a checkpoint, a tokenizer or a run, or a file of token ids, "
      "found a configuration",
      config);
  if (fs::is_regular_file(path)) return describe_token_file(path, verify);
  check(fs::is_directory(path), ErrorKind::Config, path.string(),
        " must be a folder: of shards, a checkpoint, a tokenizer or a run, or a file of token ids");
  if (fs::exists(path / "trainer.json")) return inspect_checkpoint(path, verify);
  if (fs::exists(path / "checkpoints")) return inspect_run(path, verify);
  if (ShardFolder::exists(path)) return inspect_shards(path, verify);
  check(fs::exists(path / "tokenizer.json"), ErrorKind::Config, path.string(),
        " must be a folder of shards, a checkpoint, a tokenizer or a run, found the files of none");
  return inspect_tokenizer(path);
}

}  // namespace

void add_inspect(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  struct Arguments {
    std::string path, other;
    bool verify = false;
    std::optional<std::int64_t> step;
  };
  auto* verb =
      app.add_subcommand("inspect",
                         "Say what a shard folder, checkpoint, tokenizer or run is, or another "
                         "project's file of token ids");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("PATH", arguments->path, "Folder, or file of token ids")->required();
  verb->add_flag("--verify", arguments->verify,
                 "Read every checksum again; every id of a file of ids");
  verb->add_option(
          "--step", arguments->step,
          "PATH is a run: show the tokens that this step, from 1, saw, with their places and text")
      ->excludes("--verify");
  verb->add_option(
          "--diff", arguments->other,
          "PATH is a run or a configuration file: show the keys in which this other one differs")
      ->type_name("PATH")
      ->excludes("--verify")
      ->excludes("--step");
  add_common_options(*verb, options, "the working folder");
  verb->callback([arguments, &options] {
    apply(options);
    if (arguments->step) {
      const Json result = inspect_step(arguments->path, *arguments->step, options.overrides);
      return write_result(options.json ? json_line(result) : describe_step(result));
    }
    refuse_overrides(options, "inspect");
    if (!arguments->other.empty()) {
      const Json diff = inspect_diff(arguments->path, arguments->other);
      return write_result(options.json ? json_line(diff) : describe_diff(diff));
    }
    const Json result = inspect(arguments->path, arguments->verify);
    write_result(options.json ? json_line(result) : result.dump(2) + "\n");
  });
}

}  // namespace longspan::cli
