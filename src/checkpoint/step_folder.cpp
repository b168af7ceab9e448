// The names in a run's checkpoints folder.

#include "checkpoint/step_folder.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <utility>

#include "checkpoint/blame.h"
#include "checkpoint/manifest.h"
#include "longspan/core/files.h"

namespace longspan::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-";

}  // namespace

std::string step_name(std::int64_t step) {
  char text[32];
  std::snprintf(text, sizeof text, "step-%09lld", static_cast<long long>(step));
  return text;
}

std::optional<std::int64_t> step_in_name(const fs::path& folder) {
  const std::string name =
      (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::int64_t step = -1;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  if (step < 0 || step_name(step) != name) return std::nullopt;
  return step;
}

fs::path checkpoints_of(const fs::path& run_folder) { return run_folder / "checkpoints"; }

std::vector<fs::path> step_folders(const fs::path& run_folder) {
  const fs::path folder = checkpoints_of(run_folder);
  if (!fs::exists(folder)) return {};
  std::vector<std::pair<std::int64_t, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto step = step_in_name(entry.path());
    if (step && entry.is_directory()) found.emplace_back(*step, entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> folders;
  for (auto& [step, path] : found) folders.push_back(std::move(path));
  return folders;
}

bool is_whole(const fs::path& folder) {
  try {
    read_manifest(folder);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Checkpoint) throw;
    return false;
  }
}

std::optional<fs::path> pointed_folder(const fs::path& run_folder, const std::string& pointer) {
  const fs::path path = checkpoints_of(run_folder) / pointer;
  if (!fs::is_regular_file(path)) return std::nullopt;
  std::string name = blaming_checkpoint([&] { return read_file(path); });
  while (!name.empty() && (name.back() == '\n' || name.back() == '\r' || name.back() == ' '))
    name.pop_back();
  if (name.find('/') != std::string::npos || !step_in_name(name)) return std::nullopt;
  return checkpoints_of(run_folder) / name;
}

}  // namespace longspan::checkpoint
