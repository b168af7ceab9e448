// Who may write into a run's folder.

#include "longspan/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

constexpr const char* kLockFile = ".lock";

const std::filesystem::path& made(const std::filesystem::path& run_folder) {
  try {
    make_folder(run_folder);
  } catch (const Error& error) {
    throw Error(ErrorKind::Io, concat("the run's folder must be writable: ", error.what(),
                                      "; choose another with --run"));
  }
  return run_folder;
}

}  // namespace

RunFolder::RunFolder(const std::filesystem::path& path)
    : lock_path_(made(path) / kLockFile), lock_(lock_path_) {
  log::add_file(path / "log.txt");
}

RunFolder::~RunFolder() { log::remove_file(); }

bool RunFolder::is_lost() const {
  std::error_code failure;
  return !std::filesystem::exists(lock_path_, failure);
}

// A lock shared for an instant is refused exactly while the run's process has its own.
bool is_held(const std::filesystem::path& run_folder) {
  const int lock = ::open((run_folder / kLockFile).c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return false;
  const bool held = ::flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(lock);
  return held;
}

std::string where_to_resume(const std::filesystem::path& run_folder) try {
  const auto checkpoints = list_checkpoints(run_folder);
  if (checkpoints.empty()) return "; there is no checkpoint to resume from";
  return concat("; the checkpoint of step ", checkpoint_step(checkpoints.back()), " stands");
} catch (const Error& error) {
  return concat("; its checkpoints cannot be read: ", error.what());
}

}  // namespace longspan
