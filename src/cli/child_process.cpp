#include "cli/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "longspan/core/error.h"

namespace longspan::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{1};

[[noreturn]] void become(const std::vector<char*>& words, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDOUT_FILENO);
  ::execv("/proc/self/exe", words.data());
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments) {
  // Ranks whose launcher was killed become this process's own, so that kill() can wait for them.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::string program = "longspan";
  std::vector<std::string> texts = arguments;
  std::vector<char*> words{program.data()};
  for (std::string& text : texts) words.push_back(text.data());
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  id_ = ::fork();
  check(id_ >= 0, ErrorKind::Io, "a process for longspan ", arguments.front(), " must start, got ",
        std::strerror(errno));
  if (id_ == 0) become(words, parent);
}

ChildProcess::~ChildProcess() { kill(); }

std::optional<int> ChildProcess::wait_until(Clock::time_point end) {
  while (!code_) {
    int status = 0;
    if (::waitpid(id_, &status, WNOHANG) == id_)
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    else if (Clock::now() >= end)
      break;
    else
      std::this_thread::sleep_for(kLook);
  }
  return code_;
}

int ChildProcess::wait() { return *wait_until(Clock::time_point::max()); }

void ChildProcess::kill() {
  if (code_) return;
  ::kill(id_, SIGKILL);
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  code_ = 128 + SIGKILL;
}

}  // namespace longspan::cli
