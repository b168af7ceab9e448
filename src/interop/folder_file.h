#pragma once

#include <filesystem>
#include <string>

#include "longspan/core/json_reader.h"
#include "longspan/core/named_tensors.h"

// Files of a folder that others wrote or downloaded. All errors are Error(Data): what the file is
// in place of what it should be, where that can be told, and what to do.
namespace longspan::interop {

/// Throws unless the path leads to a folder.
void check_is_folder(const std::filesystem::path& folder);

/// Returns whether a name is taken, be it by a link that leads nowhere.
bool is_there(const std::filesystem::path& file);

/// Throws where a file cannot be read, or holds what failed downloads leave in place of a file.
void check_is_downloaded(const std::filesystem::path& file);

JsonReader read_folder_json(const std::filesystem::path& file);
NamedTensors read_folder_tensors(const std::filesystem::path& file);

}  // namespace longspan::interop
