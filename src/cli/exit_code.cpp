// What is said of an exception. Memory that runs out is found by whoever asks for it next, each
// with words of its own.

#include "cli/exit_code.h"

#include <new>

namespace longspan::cli {
namespace {

// LibTorch's words, of which the number of bytes is kept.
std::string bytes_asked_for(const std::string& line) {
  const auto begin = line.find("tried to allocate ");
  return begin == std::string::npos ? std::string()
                                    : ": " + line.substr(begin, line.find('.', begin) - begin);
}

}  // namespace

std::string reason_of(const std::exception& error) {
  if (dynamic_cast<const Error*>(&error) != nullptr) return error.what();
  const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                         exit_code_of_foreign(error) == kOutOfMemory;
  const std::string line = first_line(error);
  return no_memory ? "out of memory" + bytes_asked_for(line) +
                         "; lower train.micro_batch_tokens or the length"
                   : line;
}

}  // namespace longspan::cli
