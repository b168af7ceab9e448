#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace longspan::checkpoint {

inline constexpr char kLatestName[] = "latest";
inline constexpr char kBestName[] = "best";

/// Returns the name of a step's folder.
std::string step_name(std::int64_t step);
/// Returns the step in a folder's name; nothing when the name is not of that form.
std::optional<std::int64_t> step_in_name(const std::filesystem::path& folder);
/// Returns where a run's checkpoints are.
std::filesystem::path checkpoints_of(const std::filesystem::path& run_folder);
/// Returns all folders with a step's name, whole or not, oldest step first.
std::vector<std::filesystem::path> step_folders(const std::filesystem::path& run_folder);
/// Returns whether a folder has a good manifest and every file of it with its size.
bool is_whole(const std::filesystem::path& folder);
/// Returns the folder that a pointer file names; nothing when there is none or it does not name a
/// step.
std::optional<std::filesystem::path> pointed_folder(const std::filesystem::path& run_folder,
                                                    const std::string& pointer);

}  // namespace longspan::checkpoint
