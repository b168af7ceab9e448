#pragma once

#include <filesystem>

namespace longspan::testing {

/// Returns the root of the source tree.
std::filesystem::path source_folder();

/// Returns the longspan program of this build.
std::filesystem::path program_file();

}  // namespace longspan::testing
