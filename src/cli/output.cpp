// Standard output, written past stdio: a buffer would be written at exit, where nobody looks.

#include "cli/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "longspan/core/error.h"

namespace longspan::cli {
namespace {

// A file opened with these flags in the place of a closed stream. Takes the lowest free number, so
// streams must be looked at in their order.
void fill_if_closed(int stream, int flags) {
  if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF) ::open("/dev/null", flags);
}

[[noreturn]] void fail(const char* action) {
  throw Error(ErrorKind::Io,
              concat("standard output: cannot ", action, ": ", std::strerror(errno)));
}

}  // namespace

void secure_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  fill_if_closed(STDIN_FILENO, O_RDONLY);
  fill_if_closed(STDOUT_FILENO, O_RDONLY);  // so that a result fails to be written
  fill_if_closed(STDERR_FILENO, O_WRONLY);
}

void write_result(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0)
      text.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      fail("write");
  }
  // A network file system may tell only then that there is no space.
  const int copy = ::dup(STDOUT_FILENO);
  if (copy < 0 || ::close(copy) != 0) fail("close");
}

std::string grouped(std::int64_t value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string formatted(const char* format, ...) {
  std::va_list values, again;
  va_start(values, format);
  va_copy(again, values);
  std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, format, values)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  va_end(values);
  return text;
}

}  // namespace longspan::cli
