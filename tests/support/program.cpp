// Starts the program under test as users do, with its output in files.

#include "support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/paths.h"

namespace longspan::testing {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void redirect(const std::filesystem::path& path, int descriptor) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || dup2(file, descriptor) < 0) _exit(126);
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const std::filesystem::path& folder)
    : out_(folder / "stdout.txt"), err_(folder / "stderr.txt") {
  std::vector<std::string> words{program_file().string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  id_ = fork();
  if (id_ < 0) throw std::runtime_error("fork failed");
  if (id_ != 0) return;
  redirect(out_, STDOUT_FILENO);
  redirect(err_, STDERR_FILENO);
  execv(argv[0], argv.data());
  _exit(127);
}

Program::~Program() {
  if (ended_) return;
  kill(id_, SIGKILL);
  waitpid(id_, nullptr, 0);
}

std::vector<pid_t> Program::children() const {
  const std::string id = std::to_string(id_);
  std::istringstream text(content("/proc/" + id + "/task/" + id + "/children"));
  std::vector<pid_t> ids;
  for (pid_t child = 0; text >> child;) ids.push_back(child);
  return ids;
}

void Program::send(int signal) const { kill(id_, signal); }

bool Program::has_ended() {
  if (!ended_) ended_ = waitpid(id_, &status_, WNOHANG) == id_;
  return ended_;
}

void Program::wait_until(const std::function<bool()>& is_there) {
  while (!is_there() && !has_ended()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Finished Program::wait() {
  if (!ended_) waitpid(id_, &status_, 0);
  ended_ = true;
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  return {code, content(out_), content(err_)};
}

Finished longspan_program(const std::vector<std::string>& arguments,
                          const std::filesystem::path& folder) {
  return Program(arguments, folder).wait();
}

}  // namespace longspan::testing
