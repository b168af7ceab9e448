#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace longspan {

/// Proves that the tables of characters in a SentencePiece model lead nowhere outside themselves:
/// the library follows them unseen. @param model the bytes of a model file  @throws Error(Data)
void check_charsmaps(std::string_view model, const std::string& source);

/// Takes what a normalizer looks for in a text and what it writes instead.
using NormalizationRules = std::function<void(std::string_view from, std::string_view to)>;
/// Calls take with each rule of a table of characters that passed check_charsmaps().
/// @return false when there are too many; some are then missing
bool for_each_rule(std::string_view table, const NormalizationRules& take);

}  // namespace longspan
