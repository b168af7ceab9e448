// What a container or a batch system allows. A group's own folder may not be there: a container
// sees its group as the root of the mount, and reads outside names of it.

#include "device/control_group.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace longspan {
namespace {

namespace fs = std::filesystem;

/// The files of a version that say how much there may be, how much there is, and what of it is of
/// files that nothing uses.
struct MemoryFiles {
  const char *limit, *usage, *inactive;
};
constexpr MemoryFiles kFirst{"memory.limit_in_bytes", "memory.usage_in_bytes",
                             "total_inactive_file"};
constexpr MemoryFiles kSecond{"memory.max", "memory.current", "inactive_file"};

std::int64_t read_number(const fs::path& path, std::int64_t otherwise) {
  std::ifstream file(path);
  std::int64_t value = 0;
  return file >> value ? value : otherwise;  // "max" is none
}

std::int64_t read_statistic(const fs::path& path, std::string_view name) {
  std::ifstream file(path);
  std::string key;
  for (std::int64_t value = 0; file >> key >> value;)
    if (key == name) return value;
  return 0;
}

std::int64_t left_in_group(const fs::path& folder, const MemoryFiles& files) {
  const std::int64_t limit = read_number(folder / files.limit, kUnlimited);
  if (limit == kUnlimited) return kUnlimited;
  const std::int64_t used =
      read_number(folder / files.usage, 0) - read_statistic(folder / "memory.stat", files.inactive);
  return std::max<std::int64_t>(0, limit - used);
}

bool has_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t end = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, end) == "memory") return true;
    controllers.remove_prefix(std::min(end + 1, controllers.size()));
  }
  return false;
}

std::int64_t left_above(const fs::path& mount, const fs::path& group, const MemoryFiles& files) {
  std::int64_t left = kUnlimited;
  for (fs::path at = group.relative_path();; at = at.parent_path()) {
    left = std::min(left, left_in_group(mount / at, files));
    if (at.empty()) return left;
  }
}

}  // namespace

std::int64_t memory_left_in_groups(std::istream& groups, const fs::path& mounts) {
  std::int64_t left = kUnlimited;
  for (std::string line; std::getline(groups, line);) {  // number:controllers:group
    const std::size_t first = line.find(':');
    if (first == std::string::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      group = line.substr(second + 1);
    if (controllers.empty())
      left = std::min(left, left_above(mounts, group, kSecond));
    else if (has_memory(controllers))
      left = std::min(left, left_above(mounts / "memory", group, kFirst));
  }
  return left;
}

}  // namespace longspan
