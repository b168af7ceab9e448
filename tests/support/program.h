#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace longspan::testing {

/// How a run of the program ended.
struct Finished {
  int code = 0;  ///< exit code, or 128 + the signal that ended it
  std::string out, err;
};

/// A started program; its output goes to files in `folder`.
class Program {
 public:
  Program(const std::vector<std::string>& arguments, const std::filesystem::path& folder);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t id() const { return id_; }
  /// Returns the processes that it has started and that still run.
  std::vector<pid_t> children() const;
  void send(int signal) const;
  /// Returns whether it has ended, without waiting.
  bool has_ended();
  /// Returns once what a test waits for is there, or the program has ended.
  void wait_until(const std::function<bool()>& is_there);
  Finished wait();

 private:
  pid_t id_ = -1;
  bool ended_ = false;
  int status_ = 0;
  std::filesystem::path out_, err_;
};

/// Runs the longspan program under test to its end.
Finished longspan_program(const std::vector<std::string>& arguments,
                          const std::filesystem::path& folder);

}  // namespace longspan::testing
