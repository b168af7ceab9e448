// The one object of the tests that holds paths of this machine, so that the others are alike in
// every folder.
#include "support/paths.h"

namespace longspan::testing {

std::filesystem::path source_folder() { return LONGSPAN_SOURCE_DIR; }

std::filesystem::path program_file() { return LONGSPAN_PROGRAM; }

}  // namespace longspan::testing
