// longspan report RUN... [--watch]

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/number_checks.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/core/log.h"
#include "longspan/core/signals.h"
#include "longspan/report/report.h"

namespace longspan::cli {
namespace {

struct Arguments {
  std::vector<std::string> runs;
  std::string output = "report.html";
  std::string reference;
  bool watch = false;
  int every_seconds = 5;

  std::vector<std::filesystem::path> folders() const { return {runs.begin(), runs.end()}; }
};

using Reference = std::optional<std::filesystem::path>;

volatile std::sig_atomic_t g_stop = 0;

extern "C" void remember_stop(int signal) {
  if (signal != kSaveSignal) g_stop = signal;
}

// Returns early when a signal comes. A sleep goes on after one, and short ones need no care for a
// signal that comes just before.
void wait_for_signal(int seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  while (g_stop == 0 && Clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

// Writes the page whenever a run has changed, and a last time, as one that stays, at the signal
// that ends the watch.
ReportSummary watch(const Arguments& arguments, const Reference& reference, int& exit_code) {
  g_stop = 0;
  const CaughtSignals caught(remember_stop);
  ReportWatch page(arguments.folders(), arguments.output, reference, arguments.every_seconds);
  page.look();
  log::info("writes the page whenever a run has changed, until a signal (Ctrl-C) ends it",
            {{"page", arguments.output},
             {"runs", arguments.runs.size()},
             {"every_seconds", arguments.every_seconds}});
  while (g_stop == 0) {
    wait_for_signal(arguments.every_seconds);
    if (g_stop != 0) break;
    for (const std::string& problem : page.look())
      log::warn("the page shows what was read before", {{"problem", problem}});
  }
  exit_code = kSignalled + g_stop;
  return page.finish();
}

std::string summary_text(const ReportSummary& summary) {
  return concat(": ", summary.cells_matched, " of ", summary.cells,
                " cells have a figure in the reference");
}

void make_report(const Arguments& arguments, Call& call) {
  for (const std::string& run : arguments.runs) check_is_no_file(run);
  Reference reference;
  if (!arguments.reference.empty()) reference = find_reference(arguments.reference);
  const ReportSummary summary =
      arguments.watch ? watch(arguments, reference, call.exit_code)
                      : write_report(arguments.folders(), arguments.output, reference);
  Json result{{"report", arguments.output}};
  if (reference)
    result.update({{"cells", summary.cells}, {"cells_with_reference", summary.cells_matched}});
  write_result(call.options.json
                   ? json_line(result)
                   : arguments.output + (reference ? summary_text(summary) : "") + "\n");
}

}  // namespace

void add_report(CLI::App& app, Call& call) {
  auto* verb = app.add_subcommand("report", "Write one self-contained page about runs");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("RUN", arguments->runs, "Folders of runs")->required();
  verb->add_option("--output", arguments->output,
                   "The page; plots and tables are written beside it")
      ->capture_default_str();
  verb->add_option("--reference", arguments->reference,
                   "Published perplexities to lay beside the measured ones: paper (the ALiBi "
                   "paper's WikiText-103 tables) or a file");
  auto* watch = verb->add_flag("--watch", arguments->watch,
                               "Write the page anew whenever a run has changed, until a signal "
                               "(Ctrl-C) ends it; the page loads itself anew meanwhile");
  verb->add_option("--every", arguments->every_seconds,
                   "With --watch: seconds between two looks at the runs")
      ->capture_default_str()
      ->check(whole_number(1, 3600))
      ->needs(watch);
  add_common_options(*verb, call.options);
  verb->callback([arguments, &call] {
    apply(call.options);
    refuse_overrides(call.options, "report");
    make_report(*arguments, call);
  });
}

}  // namespace longspan::cli
