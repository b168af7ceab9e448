#pragma once

#include <string>

namespace longspan {

/// Returns what this program can compute with: "cpu gloo", with a GPU build " cuda nccl" as well.
std::string backends();
/// Returns the lines of `--version`: longspan's version and commit, and those of the packages.
std::string version_text();

}  // namespace longspan
