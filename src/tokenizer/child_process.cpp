// A child made by fork, which hands its text over in files in memory: nothing has to be read while
// it works. It uses no lock of the process that another thread may hold: no log, no stdio.
#include "tokenizer/child_process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>
#include <thread>

#include "longspan/core/error.h"
#include "longspan/core/exit_code.h"
#include "longspan/core/files.h"

namespace longspan {
namespace {

/// A file that only this process and its children have.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("longspan", MFD_CLOEXEC)) {
    check(descriptor_ >= 0, ErrorKind::Memory,
          "a file in memory must be had, got: ", std::generic_category().message(errno));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int descriptor() const { return descriptor_; }
  std::string text() const { return read_file(path()); }
  void write(std::string_view text) const {
    FileWriter writer(path(), FileWriter::Mode::Append);
    writer.write(text);
    writer.flush();
  }

 private:
  std::string path() const { return concat("/proc/self/fd/", descriptor_); }
  int descriptor_;
};

/// Keeps all signals from this thread while it lives.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

// Writes to stderr, which is a file in memory here, what was thrown.
[[noreturn]] void end_by_exception() {
  const auto end = [](const char* words, int code) {
    const std::size_t length = std::strlen(words);
    ::_exit(::write(STDERR_FILENO, words, length) < 0 ? kInternalError : code);
  };
  try {
    if (std::current_exception()) throw;
    end("it called std::terminate", kInternalError);
  } catch (const std::bad_alloc&) {
    end("", kOutOfMemory);
  } catch (const std::exception& error) {
    end(error.what(), kDataError);
  } catch (...) {
    end("it threw what is no exception", kInternalError);
  }
  ::_exit(kInternalError);
}

[[noreturn]] void work_in_child(const std::function<std::string()>& work, const MemoryFile& result,
                                const MemoryFile& words, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kInternalError);
  ::dup2(words.descriptor(), STDERR_FILENO);
  std::set_terminate(end_by_exception);          // in another thread
  std::atexit([] { ::_exit(kInternalError); });  // what the parent does at its end is not done
  try {
    result.write(work());
  } catch (...) {
    end_by_exception();
  }
  ::_exit(kDone);
}

// What the child said last, without the line with which SentencePiece ends each process.
std::string last_words(std::string text) {
  const std::size_t farewell = text.find("Program terminated with an unrecoverable error.");
  text.resize(std::min(farewell, text.size()));
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return concat("it was ended by signal ", signal, " (", ::strsignal(signal), ")");
  }
  return concat("it ended the process with ", WEXITSTATUS(status));
}

int status_of(pid_t child, const std::function<void()>& while_waiting) {
  int status = 0;
  for (pid_t ended = 0; ended != child;) {
    ended = ::waitpid(child, &status, while_waiting ? WNOHANG : 0);
    check(ended >= 0 || errno == EINTR, ErrorKind::Internal,
          "waitpid must know the child, got: ", std::generic_category().message(errno));
    if (ended != 0) continue;
    while_waiting();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return status;
}

}  // namespace

std::string in_child_process(const std::function<std::string()>& work,
                             const std::function<void()>& while_waiting) {
  const MemoryFile result, words;
  const pid_t parent = ::getpid();
  pid_t child = -1;
  {
    const BlockedSignals blocked;
    child = ::fork();
    if (child == 0) work_in_child(work, result, words, parent);
  }
  check(child > 0, ErrorKind::Memory,
        "a process must be had, got: ", child > 0 ? "" : std::generic_category().message(errno));
  const int status = status_of(child, while_waiting);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kDone) return result.text();
  const bool starved =
      WIFEXITED(status) ? WEXITSTATUS(status) == kOutOfMemory : WTERMSIG(status) == SIGKILL;
  check(!starved, ErrorKind::Memory, "out of memory");
  const std::string said = last_words(words.text());
  throw Error(ErrorKind::Data, said.empty() ? how_it_ended(status) : said);
}

}  // namespace longspan
