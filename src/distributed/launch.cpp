// Parent of the ranks of one host.

#include "longspan/distributed/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "distributed/store.h"
#include "longspan/core/error.h"
#include "longspan/core/exit_code.h"
#include "longspan/core/log.h"
#include "longspan/core/part.h"

extern char** environ;

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::duration<int, std::milli> kLook{50};  // between looks at the children
constexpr std::chrono::seconds kGrace{5};  // for the others to notice a failure and say so

volatile std::sig_atomic_t g_interrupts = 0, g_terminations = 0;

extern "C" void count_signal(int signal) {
  if (signal == SIGINT) g_interrupts = g_interrupts + 1;
  if (signal == SIGTERM) g_terminations = g_terminations + 1;
}

// Counts SIGINT and SIGTERM while it lives. Handlers, since LibTorch's threads would take a signal
// that only this thread blocks.
class SignalCounter {
 public:
  SignalCounter() {
    g_interrupts = 0;
    g_terminations = 0;
    struct sigaction action {};
    action.sa_handler = count_signal;
    ::sigaction(SIGINT, &action, &interrupt_);
    ::sigaction(SIGTERM, &action, &termination_);
  }
  ~SignalCounter() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &termination_, nullptr);
  }
  SignalCounter(const SignalCounter&) = delete;
  SignalCounter& operator=(const SignalCounter&) = delete;

  /// Returns the next signal that was not returned yet.
  std::optional<int> next() {
    if (interrupts_ < g_interrupts) return ++interrupts_, SIGINT;
    if (terminations_ < g_terminations) return ++terminations_, SIGTERM;
    return std::nullopt;
  }

 private:
  struct sigaction interrupt_ {
  }, termination_{};
  int interrupts_ = 0, terminations_ = 0;
};

// Writes what a child writes line by line, each behind the rank's name.
class PrefixedOutput {
 public:
  PrefixedOutput(int descriptor, int rank)
      : descriptor_(descriptor), prefix_(concat("[rank ", rank, "] ")) {
    ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  }
  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

  void forward() {
    std::array<char, 65536> buffer;
    while (is_open()) {
      const ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return;
      if (count == 0) {
        close();
        return;
      }
      text_.append(buffer.data(), static_cast<std::size_t>(count));
      write_lines();
    }
  }
  void close() {
    if (!is_open()) return;
    if (!text_.empty()) text_ += '\n';
    write_lines();
    ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  void write_lines() {
    std::size_t begin = 0;
    for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', begin)) {
      std::fprintf(stderr, "%s%.*s\n", prefix_.c_str(), static_cast<int>(end - begin),
                   text_.data() + begin);
      begin = end + 1;
    }
    text_.erase(0, begin);
  }

  int descriptor_;
  std::string prefix_, text_;
};

struct Child {
  pid_t id = -1;
  std::optional<int> status;  // of waitpid, once it has ended
  std::optional<PrefixedOutput> output;
};

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

// All that a child needs, made before the fork: after it only system calls are safe.
struct ChildPlan {
  std::vector<std::string> environment;
  std::vector<char*> arguments, variables;
  std::optional<cpu_set_t> cores;
};

ChildPlan plan_child(const LaunchOptions& options, int rank, int port) {
  ChildPlan plan;
  const auto cores = usable_cores();
  const auto count = static_cast<int>(cores.size());
  const Part own = part_of(count, rank, options.processes);
  if (options.bind_cores && own.size() > 0) {
    plan.cores.emplace();
    CPU_ZERO(&*plan.cores);
    for (std::int64_t i = own.begin; i < own.end; ++i)
      CPU_SET(cores[static_cast<std::size_t>(i)], &*plan.cores);
  }
  for (char** variable = environ; *variable != nullptr; ++variable)
    plan.environment.emplace_back(*variable);
  const auto set = [&](const std::string& name, const auto& value) {
    std::erase_if(plan.environment,
                  [&](const std::string& text) { return text.starts_with(name + "="); });
    plan.environment.push_back(concat(name, "=", value));
  };
  set("RANK", rank);
  set("LOCAL_RANK", rank);
  set("WORLD_SIZE", options.processes);
  set("LOCAL_WORLD_SIZE", options.processes);
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", port);
  set("TORCHELASTIC_USE_AGENT_STORE", "True");
  if (std::getenv("OMP_NUM_THREADS") == nullptr)
    set("OMP_NUM_THREADS", std::max(1, count / options.processes));
  for (auto& text : plan.environment) plan.variables.push_back(text.data());
  plan.variables.push_back(nullptr);
  for (const auto& word : options.command)
    plan.arguments.push_back(const_cast<char*>(word.c_str()));  // execve does not write to them
  plan.arguments.push_back(nullptr);
  return plan;
}

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
    ::poll(descriptors.data(), descriptors.size(), kLook.count());
    for (Child& child : children_)
      if (child.output) child.output->forward();
  }

  void pass_on(int signal) {
    passed_on_ = signal;
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
            signal_text(status), "; all ranks have ended, the last checkpoint stands");
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
