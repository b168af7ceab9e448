// longspan train CONFIG

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/core/log.h"
#include "longspan/distributed/launch.h"
#include "longspan/train/run.h"
#include "longspan/train/trainer.h"

namespace longspan::cli {
namespace {

struct TrainArguments {
  std::string config, run, resume = "auto", processes = "auto";
};

// How many processes to start, or nothing to train in this one. --processes wins over the config.
std::optional<int> processes_to_start(const std::string& argument,
                                      const DistributedConfig& config) {
  std::int64_t processes = config.processes.value_or(1);
  if (argument != "auto") {
    const auto [end, failure] =
        std::from_chars(argument.data(), argument.data() + argument.size(), processes);
    check(failure == std::errc() && end == argument.data() + argument.size() && processes > 0 &&
              processes <= 4096,
          ErrorKind::Config, "--processes must be auto or a number from 1 to 4096, got ", argument);
  }
  return processes > 1 ? std::optional<int>(static_cast<int>(processes)) : std::nullopt;
}

std::unique_ptr<Communicator> join_job(const std::optional<Placement>& placement,
                                       const RunConfig& config) {
  if (!placement || placement->world_size == 1) return make_lone_communicator();
  log::set_rank(placement->rank);
  // Each host has its shards before the ranks meet: making them may take longer than the timeout.
  const std::string data = prepare_data(config.data).fingerprint();
  auto communicator =
      join(*placement, config.distributed,
           {{"version", version_text()}, {"config", config.resolved}, {"data", data + "\n"}});
  log::info("joined", {{"ranks", placement->world_size},
                       {"store", concat(placement->address, ":", placement->port)},
                       {"told_by", placement->source}});
  return communicator;
}

TrainResult train_together(const RunConfig& config, const TrainOptions& options,
                           Communicator& communicator) {
  try {
    const TrainResult result = train(config, options, communicator);
    communicator.leave();
    return result;
  } catch (const Error& error) {
    // Who lost its peers has nothing of its own to tell.
    if (error.kind() != ErrorKind::Distributed) communicator.report_failure(error.what());
    throw;
  } catch (const std::exception& error) {
    communicator.report_failure(first_line(error));
    throw;
  }
}

int train_one(const TrainArguments& arguments, const CommonOptions& options,
              const Invocation& invocation) {
  const RunConfig config =
      read_run_config(config::Document::from_file(arguments.config, options.overrides));
  const auto placement = find_placement(process_environment());
  if (const auto processes = processes_to_start(arguments.processes, config.distributed)) {
    if (!placement) {
      prepare_data(config.data);  // once, and what is wrong with it is said once
      return launch({*processes, invocation.words, config.distributed.bind_cores});
    }
    if (placement->world_size != *processes)
      log::warn("the launcher's number of processes wins over the one asked for",
                {{"launcher", placement->world_size}, {"asked", *processes}});
  }
  const std::filesystem::path folder = arguments.run.empty()
                                           ? std::filesystem::path("runs") / config.name
                                           : std::filesystem::path(arguments.run);
  const auto communicator = join_job(placement, config);
  const TrainResult result =
      train_together(config, {folder, arguments.resume, invocation.words}, *communicator);
  if (communicator->leads()) {
    if (options.json)
      std::cout << Json{{"run", folder.string()}, {"step", result.step}}.dump() << "\n";
    else
      std::cout << folder.string() << "\n";
  }
  if (result.end == TrainResult::End::Interrupted) return kInterrupted;
  return result.end == TrainResult::End::Terminated ? kTerminated : 0;
}

}  // namespace

void add_train(CLI::App& app, CommonOptions& options, const Invocation& invocation,
               int& exit_code) {
  auto* verb =
      app.add_subcommand("train", "Train; prepares data first when missing and resumes by itself");
  auto arguments = std::make_shared<TrainArguments>();
  verb->add_option("CONFIG", arguments->config, "Configuration file")->required();
  verb->add_option("--run", arguments->run, "The run's folder; default runs/<name>");
  verb->add_option("--resume", arguments->resume, "auto, never, or a checkpoint's folder")
      ->capture_default_str();
  verb->add_option("--processes", arguments->processes,
                   "Processes to start on this host; auto: as the config says")
      ->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([arguments, &options, &invocation, &exit_code] {
    apply(options);
    exit_code = train_one(*arguments, options, invocation);
  });
}

}  // namespace longspan::cli
