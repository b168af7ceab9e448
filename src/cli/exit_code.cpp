// What an exception is to the program: its exit code and what is said of it.

#include "cli/exit_code.h"

#include <c10/util/Exception.h>

#include <filesystem>

#include "cli/memory_advice.h"
#include "longspan/device/device.h"

namespace longspan::cli {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Config:
      return kUsageError;
    case ErrorKind::Data:
    case ErrorKind::Io:
      return kDataError;
    case ErrorKind::Checkpoint:
      return kCheckpointError;
    case ErrorKind::Numeric:
      return kDiverged;
    case ErrorKind::Distributed:
      return kLostPeers;
    case ErrorKind::Memory:
      return kOutOfMemory;
    case ErrorKind::Internal:
      return kInternalError;
  }
  return kInternalError;
}

int exit_code(const TrainResult& result) {
  return result.stop_signal == 0 ? kDone : kSignalled + result.stop_signal;
}

int exit_code_of_foreign(const std::exception& error) {
  if (dynamic_cast<const std::filesystem::filesystem_error*>(&error) != nullptr) return kDataError;
  return is_out_of_memory(error) ? kOutOfMemory : kInternalError;
}

std::string first_line(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text =
      torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  return "internal: " + text.substr(0, text.find('\n'));
}

std::string reason_of(const std::exception& error) {
  if (dynamic_cast<const Error*>(&error) != nullptr) return error.what();
  if (const auto* refused = dynamic_cast<const std::filesystem::filesystem_error*>(&error))
    return concat(refused->path1().string(), ": must be usable, got ", refused->code().message());
  return is_out_of_memory(error) ? out_of_memory_text(error) : first_line(error);
}

}  // namespace longspan::cli
