// longspan verify-resume CONFIG: a run that is killed again and again, held against one that is
// not.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <set>

#include "cli/child_process.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/number_checks.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "longspan/core/log.h"
#include "longspan/core/random.h"
#include "longspan/run/run_comparison.h"
#include "longspan/run/run_config.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::chrono::milliseconds kLook{1};
// How long after its folder appeared a save is killed: of any order of size between these.
constexpr Seconds kSoonest{1e-4}, kLatest{0.3};

struct Arguments {
  std::string config, run, processes = "auto";
  int kills = 10;
  std::optional<std::uint64_t> seed;
};

Clock::time_point after(Seconds seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(seconds);
}

// The checkpoints of a run that are being written, or that a kill left half-written, and when each
// was last written to.
using HalfWritten = std::set<std::pair<fs::path, fs::file_time_type>>;

HalfWritten half_written(const fs::path& run) {
  HalfWritten found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", none))
    if (entry.path().extension() == ".staged")
      found.emplace(entry.path(), fs::last_write_time(entry.path(), none));
  return found;
}

bool is_saving(const fs::path& run, const HalfWritten& before) {
  return !std::ranges::includes(before, half_written(run));
}

std::string last_step(const fs::path& run) {
  std::error_code none;
  if (!fs::exists(run / "metrics.jsonl", none)) return "none";
  const std::string rows = read_file(run / "metrics.jsonl");
  const auto at = rows.rfind("\"step\":");
  if (at == std::string::npos) return "none";
  const auto begin = at + std::string_view("\"step\":").size();
  return rows.substr(begin, rows.find_first_of(",}", begin) - begin);
}

struct Verdict {
  int kills = 0, in_saves = 0, runs = 0;
  RunComparison compared;
};

class Trial {
 public:
  Trial(const Arguments& arguments, const CommonOptions& options, fs::path folder,
        std::uint64_t seed)
      : arguments_(arguments),
        options_(options),
        folder_(std::move(folder)),
        random_(seed, RandomPurpose::Benchmark, 0) {}

  Verdict run() {
    const Seconds whole = train_whole();
    // Each kill costs what was done since the last checkpoint and another start, so that most of a
    // run's kills come before its end.
    const Seconds most = std::min(whole, 0.5 * whole + 2.0 * whole / arguments_.kills);
    while (verdict_.kills < arguments_.kills && !verdict_.compared.difference) {
      const fs::path killed = folder_ / concat("killed-", ++verdict_.runs);
      while (verdict_.kills < arguments_.kills && interrupt(killed, most, whole)) {
      }
      ChildProcess last(train(killed));
      expect_done(last.wait(), killed);
      verdict_.compared = compare_runs(whole_folder(), killed);
      log::info("compared", {{"run", killed.string()},
                             {"difference", verdict_.compared.difference.value_or("none")}});
    }
    return verdict_;
  }

 private:
  fs::path whole_folder() const { return folder_ / "whole"; }

  std::vector<std::string> train(const fs::path& run) const {
    std::vector<std::string> words{
        "train",       arguments_.config,    "--run",    run.string(),   "--quiet",
        "--processes", arguments_.processes, "--device", options_.device};
    if (options_.threads > 0)
      words.insert(words.end(), {"--threads", std::to_string(options_.threads)});
    for (const std::string& each : options_.overrides) words.insert(words.end(), {"--set", each});
    return words;
  }

  static void expect_done(int code, const fs::path& run) {
    if (code != kDone)
      throw Error(ErrorKind::Checkpoint,
                  concat(run.string(), " must train to its end, which ended with exit code ", code,
                         "; its log.txt says why"));
  }

  Seconds train_whole() {
    const auto begin = Clock::now();
    ChildProcess child(train(whole_folder()));
    expect_done(child.wait(), whole_folder());
    const Seconds seconds = Clock::now() - begin;
    log::info("trained without a stop", {{"seconds", formatted("%.1f", seconds.count())}});
    return seconds;
  }

  // Trains on and kills at a random instant, every other time while a checkpoint is written.
  // Returns false when the run came to its end before.
  bool interrupt(const fs::path& run, Seconds most, Seconds whole) {
    const Seconds delay = most * random_.uniform();
    const bool aims_at_save = verdict_.kills % 2 == 1;
    const HalfWritten before = half_written(run);
    ChildProcess child(train(run));
    const auto begin = Clock::now();
    auto ended = child.wait_until(after(delay));
    if (aims_at_save) {
      const auto end = after(whole);
      while (!ended && !is_saving(run, before) && Clock::now() < end)
        ended = child.wait_until(Clock::now() + kLook);
      if (!ended) ended = child.wait_until(after(inside_save()));
    }
    if (ended) {
      expect_done(*ended, run);
      return false;
    }
    const Seconds lived = Clock::now() - begin;
    child.kill();
    const bool in_save = is_saving(run, before);
    ++verdict_.kills;
    if (in_save) ++verdict_.in_saves;
    log::info("killed", {{"kill", verdict_.kills},
                         {"seconds", formatted("%.2f", lived.count())},
                         {"last_row", last_step(run)},
                         {"writing_checkpoint", in_save ? "yes" : "no"}});
    return true;
  }

  Seconds inside_save() { return kSoonest * std::pow(kLatest / kSoonest, random_.uniform()); }

  const Arguments& arguments_;
  const CommonOptions& options_;
  fs::path folder_;
  RandomStream random_;
  Verdict verdict_;
};

void verify_resume(const Arguments& arguments, const CommonOptions& options) {
  const RunConfig config = read_config(arguments.config, options.overrides);
  check(!config.train.max_seconds, ErrorKind::Config,
        "train.max_seconds must not limit a run that is compared step by step; limit it by "
        "train.max_steps");
  const fs::path folder = arguments.run.empty()
                              ? fs::path("runs") / (config.name + "-verify-resume")
                              : fs::path(arguments.run);
  check(!fs::exists(folder), ErrorKind::Config, folder.string(),
        " must not be there yet; remove it, or give another --run");
  const std::uint64_t seed = arguments.seed.value_or(std::random_device{}());
  const Verdict verdict = Trial(arguments, options, folder, seed).run();
  const RunComparison& compared = verdict.compared;
  if (compared.difference)
    throw Error(ErrorKind::Checkpoint,
                concat("a run killed ", verdict.kills, " times (--seed ", seed,
                       ") must end as one that was not, ", *compared.difference, "; both are in ",
                       folder.string()));
  const Json result{{"equal", true},
                    {"kills", verdict.kills},
                    {"kills_in_saves", verdict.in_saves},
                    {"runs", verdict.runs},
                    {"step", compared.step},
                    {"tensors", compared.tensors},
                    {"rows", compared.rows},
                    {"seed", seed}};
  write_result(options.json ? json_line(result)
                            : concat("equal to the last bit: ", compared.tensors, " tensors and ",
                                     compared.rows, " rows at step ", compared.step, ", after ",
                                     verdict.kills, " kills, ", verdict.in_saves,
                                     " of them while a checkpoint was written (runs ", verdict.runs,
                                     ", --seed ", seed, ")\n"));
}

}  // namespace

void add_verify_resume(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "verify-resume", "Kill a run at random instants and compare it with one that was left alone");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("CONFIG", arguments->config, "Configuration file")->required();
  verb->add_option("--kills", arguments->kills, "How many times to kill it")
      ->check(whole_number(1, 1000000))
      ->capture_default_str();
  verb->add_option("--run", arguments->run,
                   "Folder for the runs, not there yet; default runs/<name>-verify-resume");
  verb->add_option("--seed", arguments->seed, "Seed of the instants; default: another each time")
      ->check(number_from_zero());
  verb->add_option("--processes", arguments->processes,
                   "Processes to start on this host; auto: as the config says")
      ->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options);
    verify_resume(*arguments, options);
  });
}

}  // namespace longspan::cli
