// What is said of an exception. Memory that runs out is found by whoever asks for it next, each
// with words of its own.

#include "cli/exit_code.h"

#include "longspan/device/device.h"

namespace longspan::cli {
namespace {

// LibTorch's words, of which the number of bytes is kept.
std::string bytes_asked_for(const std::string& line) {
  const auto begin = line.find("tried to allocate ");
  return begin == std::string::npos ? std::string()
                                    : ": " + line.substr(begin, line.find('.', begin) - begin);
}

}  // namespace

int exit_code(const TrainResult& result) {
  return result.stop_signal == 0 ? 0 : 128 + result.stop_signal;
}

std::string reason_of(const std::exception& error) {
  if (dynamic_cast<const Error*>(&error) != nullptr) return error.what();
  const std::string line = first_line(error);
  return is_out_of_memory(error) ? "out of memory" + bytes_asked_for(line) +
                                       "; lower train.micro_batch_tokens or the length"
                                 : line;
}

}  // namespace longspan::cli
