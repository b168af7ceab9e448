// longspan train CONFIG

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/exit_code.h"
#include "cli/job.h"
#include "cli/memory_advice.h"
#include "cli/output.h"
#include "longspan/core/json.h"
#include "longspan/distributed/launch.h"
#include "longspan/run/run_folder.h"
#include "longspan/run/version.h"
#include "longspan/train/trainer.h"

namespace longspan::cli {
namespace {

struct TrainArguments {
  std::string config, run, resume = "auto", processes = "auto";
  std::vector<std::string> allow_change;
};

int launch_ranks(const LaunchOptions& options, const std::filesystem::path& run_folder) try {
  return launch(options);
} catch (const Error& error) {
  if (error.kind() != ErrorKind::Distributed) throw;
  throw Error(error.kind(), concat(error.what(), where_to_resume(run_folder)));
}

int train_one(const TrainArguments& arguments, const Call& call) {
  const CommonOptions& options = call.options;
  std::error_code failure;  // a path that cannot be looked at is told where it is read
  check(arguments.resume == "auto" || arguments.resume == "never" ||
            std::filesystem::status(arguments.resume, failure).type() !=
                std::filesystem::file_type::not_found,
        ErrorKind::Checkpoint,
        "--resume must be auto, never or a checkpoint's folder, there is no ", arguments.resume);
  const RunConfig config = read_config(arguments.config, options.overrides);
  const Job job = find_job(arguments.processes, options.device, config.distributed);
  const std::filesystem::path folder = arguments.run.empty()
                                           ? std::filesystem::path("runs") / config.name
                                           : std::filesystem::path(arguments.run);
  if (job.processes_to_start) {
    prepare_data(config.data, options.threads);  // once, and what is wrong with it is said once
    return launch_ranks({*job.processes_to_start, call.words, config.distributed.bind_cores},
                        folder);
  }
  const c10::Device device = use_device(options, job.local_rank());
  TrainOptions train_options{folder, arguments.resume, call.words, device};
  train_options.allow_change = arguments.allow_change;
  // Each host has its shards before the ranks meet: making them may take longer than the timeout.
  const auto communicator = join_job(job, config.distributed, device, [&] {
    train_options.data = prepare_data(config.data, options.threads);
    return std::vector<Agreement>{{"version", version_text()},
                                  {"config", config.resolved},
                                  {"data", train_options.data->fingerprint() + "\n"}};
  });
  TrainResult result;
  work_together(*communicator, [&] {
    with_memory_advice(train_advice(config),
                       [&] { result = train(config, train_options, *communicator); });
  });
  if (communicator->leads()) {
    const Json summary{{"run", folder.string()}, {"step", result.step}};
    write_result(options.json ? json_line(summary) : folder.string() + "\n");
  }
  return exit_code(result);
}

}  // namespace

void add_train(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb =
      app.add_subcommand("train", "Train; prepares data first when missing and resumes by itself");
  auto arguments = std::make_shared<TrainArguments>();
  verb->add_option("CONFIG", arguments->config, "Configuration file")->required();
  verb->add_option("--run", arguments->run, "The run's folder; default runs/<name>");
  verb->add_option("--resume", arguments->resume, "auto, never, or a checkpoint's folder")
      ->capture_default_str();
  verb->add_option("--allow-change", arguments->allow_change,
                   "Key or section of the config that may differ from what the run was saved with "
                   "although it decides what the steps mean; repeatable")
      ->type_name("KEY")
      ->expected(1)
      ->take_all();
  verb->add_option("--processes", arguments->processes,
                   "Processes to start on this host; auto: as the config says")
      ->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([arguments, &options, &call] {
    apply(options);
    call.exit_code = train_one(*arguments, call);
  });
}

}  // namespace longspan::cli
