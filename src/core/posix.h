#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace longspan::posix {

/// Throws Error(Io) "path: cannot <action>: <text of errno>", with the std::system_error nested.
[[noreturn]] void throw_errno(const std::filesystem::path& path, std::string_view action,
                              int error_number);

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int release();
  void reset();

 private:
  int number_ = -1;
};

/// Opens a file, closed on exec. @throws Error(Io) "path: cannot <action>: ..."
Descriptor open_file(const std::filesystem::path& path, int flags, std::string_view action);
/// The same of a file that errors call `shown`, as a temporary one is called by its last name.
Descriptor open_file(const std::filesystem::path& path, const std::filesystem::path& shown,
                     int flags, std::string_view action);
/// Opens a file or folder to be read; never waits, as a pipe that nobody writes to would.
/// @throws Error(Io) "path: cannot open for reading: ...", and for a pipe or a device
Descriptor open_to_read(const std::filesystem::path& path);
/// Writes all bytes. @throws Error(Io)
void write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path);
/// Waits until the file is on disk. @throws Error(Io)
void sync_descriptor(int descriptor, const std::filesystem::path& path);
/// Returns whether path leads to the open file or folder.
bool leads_to(const std::filesystem::path& path, int descriptor);
/// Returns the folder that holds path; "." when path names none.
std::filesystem::path parent_of(const std::filesystem::path& path);

}  // namespace longspan::posix
