// Parent of the ranks of one host.

#include "longspan/distributed/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>

#include "distributed/child_plan.h"
#include "distributed/prefixed_output.h"
#include "distributed/signal_counter.h"
#include "distributed/store.h"
#include "longspan/core/error.h"
#include "longspan/core/exit_code.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::duration<int, std::milli> kChildLook{50};  // between looks at the children
constexpr std::chrono::seconds kGrace{5};  // for the others to notice a failure and say so

struct Child {
  pid_t id = -1;
  std::optional<int> status;  // of waitpid, once it has ended
  std::optional<PrefixedOutput> output;
};

class Launcher {
 public:
  explicit Launcher(const LaunchOptions& options) : options_(options) {
    c10d::TCPStoreOptions store;
    store.port = 0;
    store.isServer = true;
    store.waitWorkers = false;
    auto server = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", store);
    port_ = server->getPort();
    store_ = c10::make_intrusive<c10d::PrefixStore>("longspan/0", server);
    program_ = std::filesystem::read_symlink("/proc/self/exe");
  }
  ~Launcher() {
    for (const Child& child : children_)
      if (child.id > 0 && !child.status) {
        ::kill(child.id, SIGKILL);
        ::waitpid(child.id, nullptr, 0);
      }
  }
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  int run() {
    children_.resize(static_cast<std::size_t>(options_.processes));
    for (int rank = 0; rank < options_.processes; ++rank) start(rank);
    log::info("started", {{"processes", options_.processes}, {"port", port_}});
    while (!all_ended()) {
      wait_for_events();
      while (const auto signal = signals_.next()) pass_on(*signal);
      collect();
      if (first_failure_) kill_silent();
      if (deadline_ && Clock::now() >= *deadline_) kill_all();
    }
    for (Child& child : children_)
      if (child.output) child.output->close();
    return result();
  }

 private:
  void start(int rank) {
    Child& child = children_[static_cast<std::size_t>(rank)];
    const ChildPlan plan = plan_child(options_, rank, port_);
    int ends[2] = {-1, -1};
    if (rank > 0)
      check(::pipe2(ends, O_CLOEXEC) == 0, ErrorKind::Io, "a pipe for rank ", rank,
            " must be there, got ", std::strerror(errno));
    const pid_t parent = ::getpid();
    child.id = ::fork();
    check(child.id >= 0, ErrorKind::Io, "a process for rank ", rank, " must start, got ",
          std::strerror(errno));
    if (child.id == 0) become(plan, ends[1], parent);
    ::setpgid(child.id, child.id);
    if (rank == 0) return;
    ::close(ends[1]);
    child.output.emplace(ends[0], rank);
  }

  // In the child. A group of its own keeps a terminal's Ctrl-C from reaching it twice.
  [[noreturn]] void become(const ChildPlan& plan, int output, pid_t parent) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    hold_save_signal();
    ::setpgid(0, 0);
    if (plan.cores) ::sched_setaffinity(0, sizeof *plan.cores, &*plan.cores);
    if (output < 0 && options_.discard_output) {
      const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      ::dup2(nowhere, STDOUT_FILENO);
    }
    if (output >= 0) {
      ::dup2(output, STDOUT_FILENO);
      ::dup2(output, STDERR_FILENO);
    }
    ::execve(program_.c_str(), plan.arguments.data(), plan.variables.data());
    ::_exit(127);
  }

  bool all_ended() const {
    for (const Child& child : children_)
      if (!child.status) return false;
    return true;
  }

  void wait_for_events() {
    std::vector<pollfd> descriptors;
    for (const Child& child : children_)
      if (child.output && child.output->is_open())
        descriptors.push_back({child.output->descriptor(), POLLIN, 0});
    ::poll(descriptors.data(), descriptors.size(), kChildLook.count());
    for (Child& child : children_)
      if (child.output) child.output->forward();
  }

  void pass_on(int signal) {
    if (signal != kSaveSignal) passed_on_ = signal;
    for (const Child& child : children_)
      if (!child.status) ::kill(child.id, signal);
  }

  void collect() {
    for (std::size_t rank = 0; rank < children_.size(); ++rank) {
      Child& child = children_[rank];
      int status = 0;
      if (child.status || ::waitpid(child.id, &status, WNOHANG) != child.id) continue;
      child.status = status;
      if (status != 0 && !passed_on_ && !first_failure_) begin_the_end(static_cast<int>(rank));
    }
  }

  void begin_the_end(int rank) {
    first_failure_ = rank;
    deadline_ = Clock::now() + kGrace;
    const int status = *children_[static_cast<std::size_t>(rank)].status;
    if (WIFSIGNALED(status))
      report_failure(*store_, concat("rank ", rank, ": ", signal_text(status)));
  }

  // Who gives no sign of life has nothing to say.
  void kill_silent() {
    for (std::size_t rank = 0; rank < children_.size(); ++rank)
      if (!children_[rank].status && is_silent(*store_, static_cast<int>(rank)))
        ::kill(children_[rank].id, SIGKILL);
  }

  void kill_all() {
    for (const Child& child : children_)
      if (!child.status) ::kill(child.id, SIGKILL);
  }

  static std::string signal_text(int status) {
    const int signal = WTERMSIG(status);
    return concat("ended by signal ", signal, " (", ::strsignal(signal), ")");
  }

  int result() const {
    if (first_failure_) {
      const int status = *children_[static_cast<std::size_t>(*first_failure_)].status;
      check(WIFEXITED(status), ErrorKind::Distributed, "rank ", *first_failure_, " was ",
            signal_text(status), "; all ranks have ended");
      return code_of_culprit(WEXITSTATUS(status));
    }
    const int status = *children_.front().status;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // A rank that lost its peers may end before the one that they were lost through.
  int code_of_culprit(int code_of_first) const {
    if (code_of_first != kLostPeers) return code_of_first;
    for (const Child& child : children_)
      if (WIFEXITED(*child.status) && WEXITSTATUS(*child.status) != 0 &&
          WEXITSTATUS(*child.status) != kLostPeers)
        return WEXITSTATUS(*child.status);
    return kLostPeers;
  }

  const LaunchOptions& options_;
  SignalCounter signals_;
  Store store_;
  int port_ = 0;
  std::string program_;
  std::vector<Child> children_;
  std::optional<int> first_failure_, passed_on_;
  std::optional<Clock::time_point> deadline_;
};

}  // namespace

int launch(const LaunchOptions& options) { return Launcher(options).run(); }

}  // namespace longspan
