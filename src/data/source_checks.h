#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/mixture.h"
#include "longspan/core/json.h"

namespace longspan {

/// Checks that what is prepared would not become a part of the text. @throws Error(Config)
void check_outside_of_text(const std::filesystem::path& shards, const NamedSource& named);
/// Logs what of the folders of a text is no part of it.
void tell_passed_over(const TextConfig& text);
/// Checks that a key of records has a use. @param files of all splits, as describe_source() has
/// them @throws Error(Config)
void check_text_key(const std::string& text_key, const std::vector<Json>& files);

}  // namespace longspan
