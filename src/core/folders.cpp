// Folders that appear whole, and locks. A staged folder sits beside its final name (same file
// system, so the rename is atomic) and is locked while it is filled, so that what a killed process
// left behind can be told from what a living one is still writing.
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "core/posix.h"
#include "core/temporaries.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

void remove_everything(const fs::path& path) {
  std::error_code failure;
  fs::remove_all(path, failure);
  if (failure) posix::throw_errno(path, "remove", failure.value());
}

void empty_folder(const fs::path& path) {
  std::error_code failure;
  for (fs::directory_iterator entry(path, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    remove_everything(entry->path());
  }
  if (failure) posix::throw_errno(path, "read the folder", failure.value());
}

// Makes the folder, or takes over the one that a process which is gone has left, and locks it. File
// systems without locks on folders (NFS) leave it unlocked.
posix::Descriptor claim_folder(const fs::path& path, const fs::path& shown) {
  for (;;) {
    if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
      posix::throw_errno(shown, "make the folder", errno);
    }
    posix::Descriptor folder = posix::open_file(path, O_RDONLY | O_DIRECTORY, "open the folder");
    const bool held = ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    check(!held, ErrorKind::Io, shown.string(), ": another process is writing this folder");
    if (!posix::leads_to(path, folder.get())) continue;
    empty_folder(path);
    return folder;
  }
}

void sync_tree(const fs::path& path) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_symlink()) continue;
    if (entry.is_directory()) {
      sync_folder(entry.path());
    } else {
      const posix::Descriptor file = posix::open_file(entry.path(), O_RDONLY, "open");
      posix::sync_descriptor(file.get(), entry.path());
    }
  }
  sync_folder(path);
}

// Puts `fresh` in the place of an existing `old`, which is removed. Exchanging the two names leaves
// no moment without a folder; where the file system cannot, the old one steps aside first.
void replace_folder(const fs::path& fresh, const fs::path& old) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, old.c_str(), RENAME_EXCHANGE) == 0) {
    remove_everything(fresh);
    return;
  }
  const fs::path aside = concat(old.string(), ".old");
  remove_everything(aside);
  const bool is_aside = ::rename(old.c_str(), aside.c_str()) == 0;
  if (!is_aside || ::rename(fresh.c_str(), old.c_str()) != 0) {
    const int failure = errno;
    if (is_aside) ::rename(aside.c_str(), old.c_str());
    posix::throw_errno(old, concat("replace by ", fresh.string()), failure);
  }
  remove_everything(aside);
}

}  // namespace

void make_folder(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure) posix::throw_errno(path, "make the folder", failure.value());
  check(fs::is_directory(path, failure), ErrorKind::Io, path.string(), ": must be a folder");
}

void sync_folder(const fs::path& path) {
  const posix::Descriptor folder =
      posix::open_file(path, O_RDONLY | O_DIRECTORY, "open the folder");
  // Some network file systems refuse to sync a folder because its entries are always on disk.
  while (::fsync(folder.get()) != 0 && errno != EINVAL) {
    if (errno != EINTR) posix::throw_errno(path, "flush the folder to disk", errno);
  }
}

StagedFolder::StagedFolder(fs::path final_path) : final_(std::move(final_path)) {
  if (!final_.has_filename()) final_ = final_.parent_path();  // "a/b/"
  staged_ = concat(final_.string(), ".staged");
  make_folder(posix::parent_of(final_));
  temporaries::add_made(staged_, [this] { descriptor_ = claim_folder(staged_, final_).release(); });
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(staged_, ignored);
  temporaries::forget(staged_);
  const posix::Descriptor unlock(descriptor_);
}

void StagedFolder::commit() {
  check(!committed_, ErrorKind::Internal, "StagedFolder::commit called twice");
  try {
    sync_tree(staged_);
    const auto uncut = temporaries::hold();
    if (fs::exists(fs::symlink_status(final_))) {
      replace_folder(staged_, final_);
    } else if (::rename(staged_.c_str(), final_.c_str()) != 0) {
      posix::throw_errno(final_, concat("rename ", staged_.string(), " to it"), errno);
    }
  } catch (const fs::filesystem_error& failure) {
    posix::throw_errno(failure.path1(), "read the folder", failure.code().value());
  }
  committed_ = true;
  sync_folder(posix::parent_of(final_));
}

FileLock::FileLock(const fs::path& path) {
  // Who only looks whether it is held has it for an instant.
  constexpr int kMostTries = 10;
  constexpr std::chrono::milliseconds kPause{10};
  posix::Descriptor file = posix::open_file(path, O_RDWR | O_CREAT, "open the lock");
  for (int tries = 1; ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) posix::throw_errno(path, "lock", errno);
    check(tries++ < kMostTries, ErrorKind::Config, path.string(),
          ": must not be in use by another process, which holds this lock");
    std::this_thread::sleep_for(kPause);
  }
  descriptor_ = file.release();
}

FileLock::~FileLock() { const posix::Descriptor unlock(descriptor_); }

}  // namespace longspan
