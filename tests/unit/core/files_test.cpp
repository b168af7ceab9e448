#include "longspan/core/files.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "support/temporary_folder.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::TemporaryFolder;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251);
  return text;
}

std::ptrdiff_t count_entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

// Makes writes past a file size fail with EFBIG, as a full disk would with ENOSPC.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_CASE("a mapped file shows the bytes of the file") {
  const TemporaryFolder folder;
  const std::string content = pattern(70001);
  write_file_durably(folder.path() / "data", content);
  MappedFile first(folder.path() / "data");
  CHECK(first.text() == content);
  CHECK(first.bytes().size() == 70001);
  CHECK(reinterpret_cast<std::uintptr_t>(first.bytes().data()) % 4096 == 0);

  MappedFile second(std::move(first));
  CHECK(second.text() == content);
  write_file_durably(folder.path() / "other", "xyz");
  second = MappedFile(folder.path() / "other");
  CHECK(second.text() == "xyz");
}

TEST_CASE("an empty file maps to no bytes") {
  const TemporaryFolder folder;
  write_file_durably(folder.path() / "empty", "");
  const MappedFile file(folder.path() / "empty");
  CHECK(file.bytes().empty());
  file.load(0, 0);
}

TEST_CASE("a mapped file that was cut short is an Io error when it is loaded, and no signal") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "data";
  write_file_durably(path, pattern(200000));
  const MappedFile file(path);
  file.load(0, 200000);
  file.load(199999, 1);
  fs::resize_file(path, 65536);
  file.load(65535, 1);
  const Error cut = error_of([&] { file.load(131071, 3); });
  CHECK(cut.kind() == ErrorKind::Io);
  CHECK(
      cut.what() ==
      concat(path.string(),
             ": bytes 131071 .. 131074 cannot be read: the disk failed or the file was cut short"));
  CHECK(error_of([&] { file.load(1, 200000); }).kind() == ErrorKind::Internal);
}

TEST_CASE("a file that cannot be mapped is an Io error with path and reason") {
  const TemporaryFolder folder;
  const fs::path absent = folder.path() / "absent";
  const Error missing = error_of([&] { MappedFile file(absent); });
  CHECK(missing.kind() == ErrorKind::Io);
  CHECK(missing.what() ==
        concat(absent.string(), ": cannot open for reading: No such file or directory"));
  const Error not_a_file = error_of([&] { MappedFile file(folder.path()); });
  CHECK(not_a_file.kind() == ErrorKind::Io);
  CHECK(not_a_file.what() == concat(folder.path().string(), ": must be a regular file"));
}

TEST_CASE("read_file returns what was written, NUL bytes included") {
  const TemporaryFolder folder;
  for (const std::size_t size : {0u, 1u, 4096u, 300007u}) {
    write_file_durably(folder.path() / "data", pattern(size));
    CHECK(read_file(folder.path() / "data") == pattern(size));
  }
}

TEST_CASE("read_file reads files whose size the system does not say") {
  CHECK(read_file("/proc/self/status").find("Pid:") != std::string::npos);
}

TEST_CASE("read_file names the path and the reason") {
  const TemporaryFolder folder;
  const Error missing = error_of([&] { read_file(folder.path() / "absent"); });
  CHECK(missing.kind() == ErrorKind::Io);
  CHECK(missing.what() == concat((folder.path() / "absent").string(),
                                 ": cannot open for reading: No such file or directory"));
  const Error is_folder = error_of([&] { read_file(folder.path()); });
  CHECK(is_folder.what() == concat(folder.path().string(), ": cannot read: Is a directory"));
}

TEST_CASE("a writer hands over nothing before flush and all at flush") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "log";
  FileWriter writer(path);
  writer.write("one ");
  CHECK(read_file(path).empty());
  writer.flush();
  CHECK(read_file(path) == "one ");
  writer.write(std::as_bytes(std::span("two", 3)));
  writer.close_durably();
  CHECK(read_file(path) == "one two");
}

TEST_CASE("a writer keeps the order of short and long pieces") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "data";
  const std::string piece = pattern(700001);
  std::string expected;
  FileWriter writer(path);
  for (int i = 0; i < 5; ++i) {
    const std::string_view part = i == 3 ? std::string_view("short") : std::string_view(piece);
    writer.write(part);
    expected += part;
  }
  const std::string long_piece = pattern(3000001);
  writer.write(long_piece);
  writer.write("end");
  writer.close_durably();
  CHECK(read_file(path) == expected + long_piece + "end");
}

TEST_CASE("a writer truncates or appends as asked") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "lines";
  FileWriter(path).flush();
  for (const char* line : {"a\n", "b\n"}) {
    FileWriter writer(path, FileWriter::Mode::Append);
    writer.write(line);
    writer.flush();
  }
  CHECK(read_file(path) == "a\nb\n");
  FileWriter writer(path);
  CHECK(read_file(path).empty());
}

TEST_CASE("a moved writer writes on; a closed one refuses") {
  const TemporaryFolder folder;
  FileWriter first(folder.path() / "data");
  first.write("1");
  FileWriter second(std::move(first));
  second.write("2");
  second.close_durably();
  CHECK(read_file(folder.path() / "data") == "12");
  CHECK(error_of([&] { second.write("3"); }).kind() == ErrorKind::Internal);
  CHECK(error_of([&] { second.flush(); }).kind() == ErrorKind::Internal);
}

TEST_CASE("a writer notices when its path leads elsewhere") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "data";
  const auto lost_after = [&](auto change) {
    FileWriter writer(path, FileWriter::Mode::Append);
    CHECK_FALSE(writer.is_lost());
    change();
    const bool lost = writer.is_lost();
    std::filesystem::remove(path);
    return lost;
  };
  CHECK_FALSE(lost_after([] {}));
  CHECK(lost_after([&] { std::filesystem::remove(path); }));
  CHECK(lost_after([&] { std::filesystem::rename(path, folder.path() / "moved"); }));
  CHECK(lost_after([&] { write_file_durably(path, "replaced"); }));
}

TEST_CASE("a writer that is dropped unflushed leaves nothing") {
  const TemporaryFolder folder;
  { FileWriter(folder.path() / "data").write("lost"); }
  CHECK(read_file(folder.path() / "data").empty());
}

TEST_CASE("a writer cannot open a file in a folder that is not there") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "absent" / "data";
  const Error error = error_of([&] { FileWriter writer(path); });
  CHECK(error.kind() == ErrorKind::Io);
  CHECK(error.what() ==
        concat(path.string(), ": cannot open for writing: No such file or directory"));
}

TEST_CASE("a full disk is an error that says so") {
  FileWriter writer("/dev/full");
  writer.write("x");
  const Error at_flush = error_of([&] { writer.flush(); });
  CHECK(at_flush.kind() == ErrorKind::Io);
  CHECK(at_flush.what() == std::string("/dev/full: cannot write: No space left on device"));
  const std::string longer_than_buffer(2u << 20, 'x');
  CHECK(error_of([&] { writer.write(longer_than_buffer); }).kind() == ErrorKind::Io);
}

TEST_CASE("what a failed flush held is not written again") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "data";
  FileWriter writer(path);
  {
    const FileSizeLimit limit(3);
    writer.write("12345");
    CHECK(error_of([&] { writer.flush(); }).what() ==
          concat(path.string(), ": cannot write: File too large"));
  }
  writer.flush();
  CHECK(read_file(path) == "123");
}

TEST_CASE("a durable write replaces the file and leaves no other") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "state";
  write_file_durably(path, "first");
  write_file_durably(path, "second");
  CHECK(read_file(path) == "second");
  CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("a durable write that fails leaves the old content and no other file") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "state";
  write_file_durably(path, "old");
  {
    const FileSizeLimit limit(100);
    const Error error = error_of([&] { write_file_durably(path, pattern(5000)); });
    CHECK(error.kind() == ErrorKind::Io);
    CHECK(std::string(error.what()).starts_with(path.string()));
    CHECK(std::string(error.what()).ends_with(": cannot write: File too large"));
  }
  CHECK(read_file(path) == "old");
  CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("a durable write onto a folder is refused and leaves no other file") {
  const TemporaryFolder folder;
  make_folder(folder.path() / "taken");
  const Error error = error_of([&] { write_file_durably(folder.path() / "taken", "x"); });
  CHECK(error.kind() == ErrorKind::Io);
  CHECK(std::string(error.what()).ends_with(": Is a directory"));
  CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("a durable write works on a name without a folder") {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_file_durably("bare", "content");
  fs::current_path(before);
  CHECK(read_file(folder.path() / "bare") == "content");
}

TEST_CASE("a pipe that nobody writes to and an endless device are refused at once") {
  const TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::filesystem::path& path : {pipe, std::filesystem::path("/dev/zero")}) {
    const std::string refusal = path.string() + ": must be a regular file";
    CHECK(error_of([&] { read_file(path); }).what() == refusal);
    CHECK(error_of([&] { MappedFile file(path); }).what() == refusal);
    CHECK(error_of([&] { hash_of_file(path); }).what() == refusal);
  }
}

}  // namespace
}  // namespace longspan
