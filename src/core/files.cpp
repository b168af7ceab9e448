// Reading, mapping and writing files. Buffers are our own and every system call is checked, so a
// full disk is an error at the write that met it and never a short file.
#include "longspan/core/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "core/posix.h"
#include "core/temporaries.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ of Linux 5.14, which older headers lack

struct stat status_of(int descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) posix::throw_errno(path, "read the size", errno);
  return status;
}

std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<unsigned> count{0};
  return concat(path.string(), ".", ::getpid(), "-", count++, ".tmp");
}

// Fills the buffer, short of it only at the file's end. Returns the bytes read.
std::size_t read_on(const posix::Descriptor& file, const std::filesystem::path& path,
                    std::span<char> buffer) {
  std::size_t used = 0;
  while (used < buffer.size()) {
    const ssize_t count = ::read(file.get(), buffer.data() + used, buffer.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) posix::throw_errno(path, "read", errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  return used;
}

// Writes a temporary file, which errors call by the name that it will have.
void write_whole(const std::filesystem::path& temporary, const std::filesystem::path& shown,
                 std::string_view content) {
  posix::Descriptor file =
      posix::open_file(temporary, shown, O_WRONLY | O_CREAT | O_TRUNC, "open for writing");
  posix::write_all(file.get(), content, shown);
  posix::sync_descriptor(file.get(), shown);
  if (::close(file.release()) != 0) posix::throw_errno(shown, "close", errno);
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const posix::Descriptor file = posix::open_to_read(path);
  const struct stat status = status_of(file.get(), path);
  check(S_ISREG(status.st_mode), ErrorKind::Io, path.string(), ": must be a regular file");
  if (status.st_size == 0) return;
  size_ = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.get(), 0);
  if (address == MAP_FAILED) posix::throw_errno(path, "map into memory", errno);
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::load(std::size_t begin, std::size_t count) const {
  check(begin <= size_ && count <= size_ - begin, ErrorKind::Internal, "bytes ", begin, " .. ",
        begin + count, " must be inside a mapping of ", size_);
  if (count == 0) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t start = begin / page * page;
  auto* address = const_cast<std::byte*>(data_) + start;
  int failure = 0;
  do {
    failure = ::madvise(address, begin + count - start, kPopulateRead) == 0 ? 0 : errno;
  } while (failure == EINTR);
  // Where touching would be a bus error; the disk's own error is not told.
  check(failure != EFAULT && failure != EHWPOISON, ErrorKind::Io, path_.string(), ": bytes ", begin,
        " .. ", begin + count, " cannot be read: the disk failed or the file was cut short");
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

struct FileReader::State {
  std::filesystem::path path;
  posix::Descriptor file;
};

FileReader::FileReader(std::filesystem::path path) : state_(std::make_unique<State>()) {
  state_->file = posix::open_to_read(path);
  state_->path = std::move(path);
}

FileReader::~FileReader() = default;
FileReader::FileReader(FileReader&& other) noexcept = default;

std::size_t FileReader::read(std::span<char> buffer) {
  return read_on(state_->file, state_->path, buffer);
}

struct FileWriter::State {
  std::filesystem::path path;
  posix::Descriptor file;
  std::string buffer;
};

FileWriter::FileWriter(std::filesystem::path path, Mode mode) : state_(std::make_unique<State>()) {
  const int flags = O_WRONLY | O_CREAT | (mode == Mode::Append ? O_APPEND : O_TRUNC);
  state_->file = posix::open_file(path, flags, "open for writing");
  state_->path = std::move(path);
}

FileWriter::~FileWriter() = default;
FileWriter::FileWriter(FileWriter&& other) noexcept = default;

void FileWriter::write(std::string_view text) {
  check(state_ != nullptr && state_->file.is_open(), ErrorKind::Internal,
        "FileWriter::write after the file was closed");
  if (state_->buffer.size() + text.size() > kBufferBytes) flush();
  if (text.size() > kBufferBytes) {
    posix::write_all(state_->file.get(), text, state_->path);
  } else {
    state_->buffer += text;
  }
}

void FileWriter::write(std::span<const std::byte> bytes) {
  write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void FileWriter::flush() {
  check(state_ != nullptr && state_->file.is_open(), ErrorKind::Internal,
        "FileWriter::flush after the file was closed");
  // What a failed write left behind cannot be told from what it wrote, so it is never tried again.
  const std::string pending = std::exchange(state_->buffer, {});
  posix::write_all(state_->file.get(), pending, state_->path);
}

bool FileWriter::is_lost() const {
  check(state_ != nullptr && state_->file.is_open(), ErrorKind::Internal,
        "FileWriter::is_lost after the file was closed");
  return !posix::leads_to(state_->path, state_->file.get());
}

void FileWriter::close_durably() {
  flush();
  posix::sync_descriptor(state_->file.get(), state_->path);
  if (::close(state_->file.release()) != 0) posix::throw_errno(state_->path, "close", errno);
}

std::string read_file(const std::filesystem::path& path) {
  const posix::Descriptor file = posix::open_to_read(path);
  std::string content;
  std::size_t used = 0;
  content.resize(static_cast<std::size_t>(status_of(file.get(), path).st_size) + 1);
  for (;;) {
    used += read_on(file, path, std::span(content).subspan(used));
    if (used < content.size()) break;
    content.resize(2 * used);
  }
  content.resize(used);
  return content;
}

void write_file_durably(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = temporary_name(path);
  temporaries::add(temporary);
  try {
    write_whole(temporary, path, content);
    if (::rename(temporary.c_str(), path.c_str()) != 0) posix::throw_errno(path, "replace", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    temporaries::forget(temporary);
    throw;
  }
  temporaries::forget(temporary);
  sync_folder(posix::parent_of(path));
}

}  // namespace longspan
