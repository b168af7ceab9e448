// The only main: parses the command line, runs one verb, and turns errors into one line and an exit
// code.

#include <malloc.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/usage_error.h"
#include "longspan/core/end_on_signal.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/log.h"
#include "longspan/core/signals.h"
#include "longspan/device/device.h"
#include "longspan/device/tensor_memory.h"
#include "longspan/distributed/communicator.h"
#include "longspan/run/version.h"

namespace {

// Training frees and asks for the same blocks each step; handing them back to the system in between
// costs a page fault for every 4 KiB. The heap has what is no large tensor: scratch memory of
// products, small tensors.
void keep_freed_memory() {
  longspan::pool_tensor_memory();
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

int fail(const std::string& message, int code) {
  longspan::log::end_progress();
  std::fprintf(stderr, "longspan: error: %s\n", longspan::shown(one_line(message)).c_str());
  return code;
}

int run(int argc, char** argv) {
  CLI::App app("longspan trains language models on short sequences and tests them on long ones.",
               "longspan");
  app.set_version_flag("--version", longspan::version_text());
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 data, 4 checkpoint, 5 "
      "training diverged,\n"
      "6 communication, 7 out of memory, 128 + n on signal n, train after a save (130 SIGINT, 143 "
      "SIGTERM).");
  longspan::cli::Call call;
  call.words = {argv, argv + argc};
  longspan::cli::add_verbs(app, call);
  app.footer("longspan VERB --help: the arguments and options of a verb, with examples.\n\n" +
             app.get_footer());
  longspan::cli::check_verb(argc >= 2 ? argv[1] : "");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream text, nothing;
    app.exit(success, text, nothing);
    longspan::cli::write_result(text.str());
    return longspan::kDone;
  } catch (const CLI::ParseError& error) {
    return fail(longspan::cli::usage_error(app, error), longspan::kUsageError);
  }
  return call.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  longspan::cli::secure_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is then a failed write, told by its place
  longspan::survive_save_signal();
  longspan::set_gpu_variables();
  longspan::set_group_variables();
  keep_freed_memory();
  try {
    const longspan::EndOnSignal end_on_signal;
    return run(argc, argv);
  } catch (const longspan::Error& error) {
    return fail(error.what(), longspan::cli::exit_code(error.kind()));
  } catch (const std::exception& error) {
    const auto code = longspan::cli::exit_code_of_foreign(error);
    return fail(longspan::cli::reason_of(error), code);
  }
}
