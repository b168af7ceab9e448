// Names that manifests give. They are others' words, so they must not say where else to read.
#include "longspan/core/inside.h"

#include <algorithm>
#include <system_error>

namespace longspan {
namespace fs = std::filesystem;
namespace {

// The system would read a name up to its first byte 0.
bool is_plain(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && name.find('\0') == std::string::npos && path.is_relative() &&
         path.lexically_normal() == path &&
         std::none_of(path.begin(), path.end(),
                      [](const auto& part) { return part == ".." || part == "."; });
}

}  // namespace

std::optional<fs::path> path_inside(const fs::path& folder, const std::string& name) {
  if (!is_plain(name)) return std::nullopt;
  std::error_code failure;
  const fs::path root = fs::weakly_canonical(folder, failure);
  if (failure) return std::nullopt;
  const fs::path target = fs::weakly_canonical(root / name, failure);
  if (failure) return std::nullopt;
  const auto [left, inside] = std::mismatch(root.begin(), root.end(), target.begin(), target.end());
  return left == root.end() && inside != target.end() ? std::optional(folder / name) : std::nullopt;
}

}  // namespace longspan
