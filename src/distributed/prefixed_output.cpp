// The output of ranks other than 0.

#include "distributed/prefixed_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "longspan/core/error.h"

namespace longspan {

PrefixedOutput::PrefixedOutput(int descriptor, int rank)
    : descriptor_(descriptor), prefix_(concat("[rank ", rank, "] ")) {
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

void PrefixedOutput::forward() {
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

void PrefixedOutput::close() {
  if (!is_open()) return;
  if (!text_.empty()) text_ += '\n';
  write_lines();
  ::close(descriptor_);
  descriptor_ = -1;
}

void PrefixedOutput::write_lines() {
  std::size_t begin = 0;
  for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', begin)) {
    std::fprintf(stderr, "%s%.*s\n", prefix_.c_str(), static_cast<int>(end - begin),
                 text_.data() + begin);
    begin = end + 1;
  }
  text_.erase(0, begin);
}

}  // namespace longspan
