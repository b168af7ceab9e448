#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "support/temporary_folder.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::TemporaryFolder;

// Runs action in a child that ends without destroying anything, as a killed process does.
template <class Action>
void run_in_killed_process(Action action) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    action();
    _exit(7);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WEXITSTATUS(status) == 7);
}

TEST_CASE("make_folder makes parents and accepts what is there") {
  const TemporaryFolder folder;
  make_folder(folder.path() / "a" / "b" / "c");
  make_folder(folder.path() / "a" / "b" / "c");
  CHECK(fs::is_directory(folder.path() / "a" / "b" / "c"));
}

TEST_CASE("make_folder refuses a name that a file has") {
  const TemporaryFolder folder;
  write_file_durably(folder.path() / "file", "x");
  for (const fs::path& path : {folder.path() / "file", folder.path() / "file" / "below"}) {
    const Error error = error_of([&] { make_folder(path); });
    CHECK(error.kind() == ErrorKind::Io);
    CHECK(std::string(error.what()).starts_with(concat(path.string(), ": ")));
    CHECK(std::string(error.what()).ends_with("Not a directory"));
  }
}

TEST_CASE("sync_folder names a folder that is not there") {
  const TemporaryFolder folder;
  CHECK_NOTHROW(sync_folder(folder.path()));
  const Error error = error_of([&] { sync_folder(folder.path() / "absent"); });
  CHECK(error.what() == concat((folder.path() / "absent").string(),
                               ": cannot open the folder: No such file or directory"));
}

TEST_CASE("a staged folder appears whole at commit") {
  const TemporaryFolder folder;
  const fs::path final_path = folder.path() / "parent" / "step-7";
  {
    StagedFolder staged(final_path);
    CHECK(staged.path() == fs::path(final_path.string() + ".staged"));
    make_folder(staged.path() / "inner");
    write_file_durably(staged.path() / "inner" / "a", "1");
    write_file_durably(staged.path() / "b", "2");
    fs::create_symlink("nowhere", staged.path() / "link");
    CHECK_FALSE(fs::exists(final_path));
    staged.commit();
    CHECK_FALSE(fs::exists(staged.path()));
  }
  CHECK(read_file(final_path / "inner" / "a") == "1");
  CHECK(read_file(final_path / "b") == "2");
}

TEST_CASE("a staged folder that is not committed vanishes") {
  const TemporaryFolder folder;
  {
    StagedFolder staged(folder.path() / "out");
    write_file_durably(staged.path() / "a", "1");
  }
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a commit replaces a folder that is there, whole") {
  const TemporaryFolder folder;
  const fs::path final_path = folder.path() / "out";
  make_folder(final_path);
  write_file_durably(final_path / "old", "1");
  {
    StagedFolder staged(final_path);
    write_file_durably(staged.path() / "new", "2");
    CHECK(read_file(final_path / "old") == "1");
    staged.commit();
  }
  CHECK(read_file(final_path / "new") == "2");
  CHECK_FALSE(fs::exists(final_path / "old"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a staged folder takes a name with a slash behind it") {
  const TemporaryFolder folder;
  StagedFolder staged(folder.path() / "out/");
  staged.commit();
  CHECK(fs::is_directory(folder.path() / "out"));
}

TEST_CASE("a second commit is a bug of the caller") {
  const TemporaryFolder folder;
  StagedFolder staged(folder.path() / "out");
  staged.commit();
  CHECK(error_of([&] { staged.commit(); }).kind() == ErrorKind::Internal);
}

TEST_CASE("a folder that another one fills cannot be staged") {
  const TemporaryFolder folder;
  auto first = std::make_unique<StagedFolder>(folder.path() / "out");
  write_file_durably(first->path() / "a", "1");
  const Error error = error_of([&] { StagedFolder second(folder.path() / "out"); });
  CHECK(error.kind() == ErrorKind::Io);
  CHECK(error.what() ==
        concat((folder.path() / "out").string(), ": another process is writing this folder"));
  CHECK(read_file(first->path() / "a") == "1");
  first.reset();
  CHECK_NOTHROW(StagedFolder(folder.path() / "out"));
}

TEST_CASE("what a killed process left in a staged folder is removed") {
  const TemporaryFolder folder;
  run_in_killed_process([&] {
    auto* staged = new StagedFolder(folder.path() / "out");
    write_file_durably(staged->path() / "half", "1");
    make_folder(staged->path() / "inner" / "deep");
  });
  REQUIRE(fs::exists(folder.path() / "out.staged" / "half"));
  StagedFolder staged(folder.path() / "out");
  CHECK(fs::is_empty(staged.path()));
  write_file_durably(staged.path() / "whole", "2");
  staged.commit();
  CHECK(read_file(folder.path() / "out" / "whole") == "2");
}

TEST_CASE("a commit onto a parent that has gone is an error") {
  const TemporaryFolder folder;
  StagedFolder staged(folder.path() / "parent" / "out");
  fs::remove_all(folder.path() / "parent");
  const Error error = error_of([&] { staged.commit(); });
  CHECK(error.kind() == ErrorKind::Io);
  CHECK(std::string(error.what()).starts_with(staged.path().string()));
}

TEST_CASE("a lock is held once, until it is destroyed") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "lock";
  auto first = std::make_unique<FileLock>(path);
  const Error error = error_of([&] { FileLock second(path); });
  CHECK(error.kind() == ErrorKind::Config);
  CHECK(error.what() ==
        concat(path.string(), ": must not be in use by another process, which holds this lock"));
  first.reset();
  CHECK_NOTHROW(FileLock(path));
}

TEST_CASE("a look at a lock, for an instant, does not refuse it to another") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "lock";
  { const FileLock made(path); }
  const int looking = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(::flock(looking, LOCK_SH) == 0);
  std::thread end([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ::close(looking);
  });
  CHECK_NOTHROW(FileLock(path));
  end.join();
}

TEST_CASE("a lock dies with its process") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "lock";
  run_in_killed_process([&] { new FileLock(path); });
  CHECK_NOTHROW(FileLock(path));
}

TEST_CASE("a lock that cannot be made is an Io error") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "absent" / "lock";
  const Error error = error_of([&] { FileLock lock(path); });
  CHECK(error.kind() == ErrorKind::Io);
  CHECK(error.what() == concat(path.string(), ": cannot open the lock: No such file or directory"));
}

}  // namespace
}  // namespace longspan
