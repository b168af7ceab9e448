// What users start. It links no library but the system's, says its version itself, and becomes the
// program, for which the loader needs a fifth of a second: most of it is LibTorch's.
//
// A thread that spins for its next share of work takes the core from the one that has the work as
// soon as anything else runs on the machine. OpenMP reads how long when it is loaded, so it is said
// here. Measured on two cores, tokens/s alone and beside one busy process: OpenMP's own 300,000
// turns 8,900 and under 600, sleeping at once 7,000 and 4,900, 1,000 turns 8,500 and 4,100.

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "longspan/core/exit_code.h"
#include "longspan/run/version.h"

namespace {

// Returns whether all of a text went out; the program says why where not.
bool printed(const std::string& text) {
  return ::write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void let_idle_threads_sleep() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "1000", 0);
}

// Returns the program's path, ../libexec/longspan from the folder of this one.
std::string program_path() {
  char own[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", own, sizeof own);
  std::string path(own, size > 0 ? static_cast<std::size_t>(size) : 0);
  for (int level = 0; level < 2; ++level)
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return path + "/libexec/longspan";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version" &&
      printed(longspan::version_text() + "\n"))
    return longspan::kDone;
  let_idle_threads_sleep();
  const std::string program = program_path();
  ::execv(program.c_str(), argv);
  std::fprintf(stderr,
               "longspan: error: %s must be a program, got: %s; build or install longspan anew\n",
               program.c_str(), std::strerror(errno));
  return longspan::kInternalError;
}
