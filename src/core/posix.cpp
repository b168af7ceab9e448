// The few system calls behind files.h, with EINTR handled and every failure turned into an Error.
#include "core/posix.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "longspan/core/error.h"

namespace longspan::posix {

void throw_errno(const std::filesystem::path& path, std::string_view action, int error_number) {
  const auto& errors = std::generic_category();
  try {
    throw std::system_error(error_number, errors);
  } catch (...) {
    std::throw_with_nested(Error(ErrorKind::Io, concat(path.string(), ": cannot ", action, ": ",
                                                       errors.message(error_number))));
  }
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    number_ = other.release();
  }
  return *this;
}

int Descriptor::release() { return std::exchange(number_, -1); }

void Descriptor::reset() {
  if (is_open()) ::close(release());
}

Descriptor open_file(const std::filesystem::path& path, int flags, std::string_view action) {
  return open_file(path, path, flags, action);
}

Descriptor open_file(const std::filesystem::path& path, const std::filesystem::path& shown,
                     int flags, std::string_view action) {
  for (;;) {
    const int number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (number >= 0) return Descriptor(number);
    if (errno != EINTR) throw_errno(shown, action, errno);
  }
}

Descriptor open_to_read(const std::filesystem::path& path) {
  Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK, "open for reading");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno(path, "read the size", errno);
  check(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode), ErrorKind::Io, path.string(),
        ": must be a regular file");
  return file;
}

void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      throw_errno(path, "write", errno);
    }
  }
}

void sync_descriptor(int descriptor, const std::filesystem::path& path) {
  while (::fsync(descriptor) != 0) {
    if (errno != EINTR) throw_errno(path, "flush to disk", errno);
  }
}

bool leads_to(const std::filesystem::path& path, int descriptor) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

std::filesystem::path parent_of(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

}  // namespace longspan::posix
