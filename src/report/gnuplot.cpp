// gnuplot as a child process. Its three streams are unnamed temporary files, so that no side can
// wait for the other.
#include "report/gnuplot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/log.h"

extern char** environ;

namespace longspan::report {
namespace {

class Stream {
 public:
  Stream() : file_(std::tmpfile()) {
    check(file_ != nullptr, ErrorKind::Io,
          "a temporary file is needed to run gnuplot, got: ", std::strerror(errno));
  }
  ~Stream() { std::fclose(file_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int descriptor() const { return ::fileno(file_); }

  void fill(const std::string& text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), file_) == text.size() &&
                         std::fflush(file_) == 0 && std::fseek(file_, 0, SEEK_SET) == 0;
    check(written, ErrorKind::Io,
          "a temporary file for gnuplot cannot be written: ", std::strerror(errno));
  }

  std::string content() {
    std::rewind(file_);
    std::string text;
    std::array<char, 1 << 16> buffer;
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file_))
      text.append(buffer.data(), count);
    check(std::ferror(file_) == 0, ErrorKind::Io,
          "gnuplot's output cannot be read: ", std::strerror(errno));
    return text;
  }

 private:
  std::FILE* file_;
};

struct FileActions {
  posix_spawn_file_actions_t value;
  FileActions() { posix_spawn_file_actions_init(&value); }
  ~FileActions() { posix_spawn_file_actions_destroy(&value); }
};

// A process group of its own: Ctrl-C goes to the program, not to a plot that is being drawn.
struct Attributes {
  posix_spawnattr_t value;
  Attributes() {
    posix_spawnattr_init(&value);
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { posix_spawnattr_destroy(&value); }
};

// Returns the exit status as waitpid() gives it.
int run(const Stream& input, const Stream& output, const Stream& errors) {
  FileActions actions;
  posix_spawn_file_actions_adddup2(&actions.value, input.descriptor(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, output.descriptor(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, errors.descriptor(), STDERR_FILENO);
  char program[] = "gnuplot", defaults[] = "-d";
  char* const arguments[] = {program, defaults, nullptr};
  pid_t child = 0;
  const Attributes attributes;
  const int failure =
      ::posix_spawnp(&child, program, &actions.value, &attributes.value, arguments, environ);
  check(failure == 0, ErrorKind::Config,
        "plots need the program gnuplot, which cannot be started (", std::strerror(failure),
        "); install the package gnuplot-nox");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    check(errno == EINTR, ErrorKind::Internal,
          "waiting for gnuplot failed: ", std::strerror(errno));
  return status;
}

std::string in_one_line(const std::string& text) {
  std::string line;
  for (const char c : text) {
    if (c != '\n')
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  return line.substr(0, 300);
}

}  // namespace

std::string run_gnuplot(const std::string& script) {
  Stream input, output, errors;
  input.fill(script);
  const int status = run(input, output, errors);
  const std::string complaint = in_one_line(errors.content());
  check(WIFEXITED(status) && WEXITSTATUS(status) == 0, ErrorKind::Config,
        "plots need a gnuplot of version 5.4 or later that writes SVG and PNG (package "
        "gnuplot-nox), got exit status ",
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ": ", complaint);
  if (!complaint.empty()) log::debug("gnuplot", {{"stderr", complaint}});
  return output.content();
}

std::string string_literal(std::string_view text) {
  std::string literal = "'";
  for (const char c : text) {
    if (c == '\'') literal += '\'';
    literal += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return escaped(literal) + "'";
}

}  // namespace longspan::report
