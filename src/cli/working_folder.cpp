// A working folder that was deleted, found before any library starts: oneMKL, which is part of
// LibTorch, asks for it when it is loaded, and ends the process with a line about itself.

#include <unistd.h>

#include <climits>
#include <string_view>

#include "longspan/core/exit_code.h"

namespace {

// Runs before the libraries' constructors, so it may not use what they set up.
void check_working_folder(int, char**, char**) {
  char folder[PATH_MAX];
  if (::getcwd(folder, sizeof folder) != nullptr) return;
  constexpr std::string_view kRefusal =
      "longspan: error: the working folder must be there, it was deleted; change to another one\n";
  // A standard error that is closed changes nothing: the exit code says the same.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kRefusal.data(), kRefusal.size());
  ::_exit(longspan::kDataError);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kFirst)(int, char**,
                                                                   char**) = check_working_folder;

}  // namespace
