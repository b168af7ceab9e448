#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "golden/recording.h"
#include "support/program.h"

namespace longspan::testing {

/// Writes the part of a text that a recording was made from, bytes unchanged. Returns whether the
/// text was found (see find_text).
bool write_cut(const Json& cut, const std::filesystem::path& path);

/// Returns the configuration of a recorded run over train.txt and valid.txt beside it.
/// @param model with one method @param init the value of model.init as YAML
std::string run_yaml(const Json& model, const Json& training, std::int64_t seed,
                     const std::string& init);

/// Runs the program in a folder; a test fails when it does not end with 0.
Finished require_done(const std::vector<std::string>& arguments,
                      const std::filesystem::path& folder);

/// Returns the perplexity of a run's latest checkpoint, by the program.
double perplexity_of(const std::filesystem::path& run, std::int64_t length,
                     const std::string& mode);

}  // namespace longspan::testing
