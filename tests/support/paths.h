#pragma once

#include <filesystem>

namespace longspan::testing {

/// Returns the root of the source tree, or what LONGSPAN_TEST_SOURCE names: a folder with configs/.
std::filesystem::path source_folder();

/// Returns the longspan program of this build, or the one that LONGSPAN_TEST_PROGRAM names.
std::filesystem::path program_file();

}  // namespace longspan::testing
