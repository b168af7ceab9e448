// A library to preload into the program under test. Its calls of the C library fail as a disk or a
// file server makes them fail, while the environment asks for it:
//
//   LONGSPAN_FAIL_CALLS   which: some of kCalls, by commas
//   LONGSPAN_FAIL_PATH    how the paths begin that they fail on
//   LONGSPAN_FAIL_ERRNO   the number that they fail with
//   LONGSPAN_FAIL_AFTER   how many of each go well first; not set: none
//   LONGSPAN_FAIL_COUNT   how many of each fail then; not set: all
//   LONGSPAN_FAIL_RECORD  a file for a line `<call> <path>` of each that failed
//
// `touch` maps files so that touching the mapping fails, as where a disk does not give a page:
// there is no number for that, it is a bus error. No C++ library here, whose symbols would be found
// before the program's.

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr const char* kCalls[] = {"open",   "read",  "write", "fsync",
                                  "rename", "mkdir", "stat",  "touch"};
constexpr std::size_t kNumCalls = sizeof kCalls / sizeof *kCalls;

const char* setting(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

bool is_asked_for(const char* call) {
  const char* found = setting("LONGSPAN_FAIL_CALLS", "");
  const std::size_t size = std::strlen(call);
  for (; found != nullptr && *found != '\0'; found = std::strchr(found, ',')) {
    found += *found == ',' ? 1 : 0;
    if (std::strncmp(found, call, size) == 0 && (found[size] == ',' || found[size] == '\0'))
      return true;
  }
  return false;
}

// Says whether it is the turn of one more of these calls to fail.
bool is_due(const char* call) {
  static long counts[kNumCalls];
  std::size_t place = 0;
  while (std::strcmp(kCalls[place], call) != 0) ++place;
  const long before = __atomic_fetch_add(&counts[place], 1, __ATOMIC_RELAXED);
  const long after = std::atol(setting("LONGSPAN_FAIL_AFTER", "0"));
  return before >= after &&
         before - after < std::atol(setting("LONGSPAN_FAIL_COUNT", "1000000000"));
}

void record(const char* call, const char* path) {
  std::FILE* const file = std::fopen(setting("LONGSPAN_FAIL_RECORD", "/dev/null"), "a");
  if (file == nullptr) return;
  std::fprintf(file, "%s %s\n", call, path);
  std::fclose(file);
}

bool fails(const char* call, const char* path) {
  const char* const begin = setting("LONGSPAN_FAIL_PATH", nullptr);
  if (begin == nullptr || std::strncmp(path, begin, std::strlen(begin)) != 0) return false;
  if (!is_asked_for(call) || !is_due(call)) return false;
  record(call, path);
  errno = std::atoi(setting("LONGSPAN_FAIL_ERRNO", "5"));
  return true;
}

bool fails(const char* call, int descriptor) {
  char link[64], path[4096];
  const int before = errno;
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  errno = before;
  if (size < 0) return false;
  path[size] = '\0';
  return fails(call, path);
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = va_arg(more, unsigned);  // meaningless where none was given, and not looked at
  va_end(more);
  static const auto next = real<int(const char*, int, ...)>("open");
  return fails("open", path) ? -1 : next(path, flags, mode);
}

ssize_t read(int descriptor, void* bytes, std::size_t count) {
  static const auto next = real<ssize_t(int, void*, std::size_t)>("read");
  return fails("read", descriptor) ? -1 : next(descriptor, bytes, count);
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  static const auto next = real<ssize_t(int, const void*, std::size_t)>("write");
  return fails("write", descriptor) ? -1 : next(descriptor, bytes, count);
}

int fsync(int descriptor) {
  static const auto next = real<int(int)>("fsync");
  return fails("fsync", descriptor) ? -1 : next(descriptor);
}

int rename(const char* from, const char* to) noexcept {
  static const auto next = real<int(const char*, const char*)>("rename");
  return fails("rename", from) ? -1 : next(from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
  static const auto next = real<int(const char*, mode_t)>("mkdir");
  return fails("mkdir", path) ? -1 : next(path, mode);
}

int stat(const char* path, struct stat* status) noexcept {
  static const auto next = real<int(const char*, struct stat*)>("stat");
  return fails("stat", path) ? -1 : next(path, status);
}

// What stat was before glibc 2.33, for the std::filesystem that LibTorch brings.
int __xstat(int, const char* path, struct stat* status) noexcept { return stat(path, status); }

void* mmap(void* address, std::size_t size, int protection, int flags, int descriptor,
           off_t offset) noexcept {
  static const auto next = real<void*(void*, std::size_t, int, int, int, off_t)>("mmap");
  if (descriptor < 0 || !fails("touch", descriptor))
    return next(address, size, protection, flags, descriptor, offset);
  const int empty = ::memfd_create("empty", 0);  // its mapping has no page to touch
  void* const mapping = next(address, size, protection, flags, empty, offset);
  ::close(empty);
  return mapping;
}

}  // extern "C"
