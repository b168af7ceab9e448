// Identity of a file: cheap by size and time of change, certain by digest.
#include "data/file_state.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "data/manifest.h"
#include "longspan/core/error.h"

namespace longspan {

FileState state_of(const std::string& path, std::string_view what) {
  struct stat status {};
  const bool ok = ::stat(path.c_str(), &status) == 0;
  check(ok, ErrorKind::Data, path, ": must be ", what,
        ", got: ", ok ? "" : std::generic_category().message(errno));
  return {status.st_size, status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec};
}

Json describe_file(const std::string& path, const FileState& state, const std::string& digest) {
  return {{"path", path},
          {"bytes", state.bytes},
          {"modified_ns", state.modified_ns},
          {"digest", digest}};
}

std::string content_difference(const Json& described, const std::string& path, const FileState& now,
                               const std::function<std::string()>& digest_now) {
  const auto was_path = described.at("path").get<std::string>();
  const auto was_bytes = whole_number(described, "bytes");
  if (now.bytes != was_bytes)
    return concat(was_path, " had ", was_bytes, " bytes, ", path, " has ", now.bytes);
  if (was_path == path && whole_number(described, "modified_ns") == now.modified_ns) return "";
  const bool same = digest_now() == described.at("digest").get<std::string>();
  return same ? "" : concat("the content of ", path, " differs from what ", was_path, " had");
}

}  // namespace longspan
