// The one object of the tests that holds paths of this machine, so that the others are alike in
// every folder. The environment says where to look when the tests were carried elsewhere.
#include "support/paths.h"

#include <cstdlib>

namespace longspan::testing {
namespace {

std::filesystem::path from_environment(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

std::filesystem::path source_folder() {
  return from_environment("LONGSPAN_TEST_SOURCE", LONGSPAN_SOURCE_DIR);
}

std::filesystem::path program_file() {
  return from_environment("LONGSPAN_TEST_PROGRAM", LONGSPAN_PROGRAM);
}

}  // namespace longspan::testing
