#pragma once

#include <string_view>

namespace longspan {

/// The format of evaluations/<split>.json, as the file names it: its writers and its readers are in
/// modules that do not know each other.
inline constexpr std::string_view kEvaluationFormat = "longspan.evaluation/1";

}  // namespace longspan
