// The exception type. Internal errors are our bugs, so their text carries the place in the source.
#include "longspan/core/error.h"

#include <string_view>

namespace longspan {
namespace {

std::string with_location(ErrorKind kind, const std::string& message,
                          const std::source_location& location) {
  if (kind != ErrorKind::Internal) return message;
  std::string_view file = location.file_name();
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos) {
    const auto folder = file.rfind('/', slash - 1);
    file.remove_prefix(folder == std::string_view::npos ? 0 : folder + 1);
  }
  return concat(message, " (internal error at ", file, ":", location.line(), ")");
}

}  // namespace

Error::Error(ErrorKind kind, const std::string& message, std::source_location location)
    : std::runtime_error(with_location(kind, message, location)), kind_(kind) {}

void unreachable(std::source_location location) {
  throw Error(ErrorKind::Internal, "reached a place that cannot be reached", location);
}

}  // namespace longspan
