#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <limits>

namespace longspan {

/// No limit.
inline constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

/// Returns the bytes that the control groups of a process, and those above, let it still take;
/// kUnlimited where none limits it. What files have in memory does not count: the kernel gives it
/// back.
/// @param groups as /proc/self/cgroup has them: of version 1, a line of controllers each, or of 2
/// @param mounts the folder that both are mounted in, /sys/fs/cgroup
std::int64_t memory_left_in_groups(std::istream& groups, const std::filesystem::path& mounts);

}  // namespace longspan
