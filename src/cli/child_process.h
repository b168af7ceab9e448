#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace longspan::cli {

/// A call of this program as a process of its own, whose standard output nobody reads. It ends with
/// this process.
class ChildProcess {
 public:
  /// @param arguments behind the program's name @throws Error(Io) when it cannot start
  explicit ChildProcess(const std::vector<std::string>& arguments);
  /// kill()s.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Waits for its end, up to a time. Returns the exit code, 128 + the signal's number of one that
  /// a signal ended; nothing while it runs.
  std::optional<int> wait_until(std::chrono::steady_clock::time_point end);
  int wait();
  /// Ends it by SIGKILL, and returns once it and the processes that it had started are gone.
  void kill();

 private:
  pid_t id_ = -1;
  std::optional<int> code_;
};

}  // namespace longspan::cli
