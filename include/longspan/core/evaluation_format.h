#pragma once

#include <string_view>

namespace longspan {

// What evaluations/<split>.json says, where its writers and its readers are in modules that do not
// know each other.

/// The format, as the file names it.
inline constexpr std::string_view kEvaluationFormat = "longspan.evaluation/1";
/// A cell's mode: windows that do not overlap, or this before the stride.
inline constexpr std::string_view kNonOverlapping = "nonoverlapping";
inline constexpr std::string_view kStridePrefix = "stride:";

}  // namespace longspan
